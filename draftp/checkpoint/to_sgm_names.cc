// diffusers' names to those of single files.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "draftp/checkpoint/sgm_names.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Words = std::vector<std::string>;

std::string Tail(const Words& words, size_t from) {
  std::string tail;
  for (size_t i = from; i < words.size(); ++i) absl::StrAppend(&tail, ".", words[i]);
  return tail;
}

std::optional<int64_t> Number(const Words& words, size_t at) {
  int64_t number = 0;
  if (at >= words.size() || !absl::SimpleAtoi(words[at], &number)) return std::nullopt;
  return number;
}

const std::map<std::string, std::string>& UNetResnet() {
  static const auto* const names = new std::map<std::string, std::string>{
      {"norm1", "in_layers.0"},  {"conv1", "in_layers.2"},  {"time_emb_proj", "emb_layers.1"},
      {"norm2", "out_layers.0"}, {"conv2", "out_layers.3"}, {"conv_shortcut", "skip_connection"}};
  return *names;
}

// Where sgm's flat lists have the layers of each of diffusers' blocks.
class SgmPlaces {
 public:
  explicit SgmPlaces(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const Words words = absl::StrSplit(name, '.');
      const std::optional<int64_t> level = Number(words, 1), layer = Number(words, 3);
      if (!level || !layer) {
        middle_attention_ |= absl::StartsWith(name, "mid_block.attentions.");
        continue;
      }
      Side& side = words[0] == "down_blocks" ? down_ : up_;
      if (words[2] == "resnets") side.layers[*level] = std::max(side.layers[*level], *layer + 1);
      if (words[2] == "attentions") side.attends.insert(*level);
    }
  }

  std::optional<std::string> Name(const Words& words) const {
    if (words[0] == "mid_block") return Middle(words);
    const std::optional<int64_t> level = Number(words, 1), layer = Number(words, 3);
    if (!level || !layer || words.size() < 6) return std::nullopt;
    const bool is_down = words[0] == "down_blocks";
    const Side& side = is_down ? down_ : up_;
    int64_t block = is_down ? 1 : 0;  // the level's first
    for (const auto& [above, layers] : side.layers) {
      if (above < *level) block += layers + (is_down ? 1 : 0);
    }
    if (words[2] == "downsamplers") {
      return absl::StrCat("input_blocks.", block + side.layers.at(*level), ".0.op", Tail(words, 5));
    }
    if (words[2] == "upsamplers") {
      return absl::StrCat("output_blocks.", block + side.layers.at(*level) - 1, ".",
                          side.attends.contains(*level) ? 2 : 1, ".conv", Tail(words, 5));
    }
    const std::string at =
        absl::StrCat(is_down ? "input_blocks." : "output_blocks.", block + *layer);
    if (words[2] == "attentions") return absl::StrCat(at, ".1", Tail(words, 4));
    return Resnet(at + ".0.", words, 4);
  }

 private:
  struct Side {
    std::map<int64_t, int64_t> layers;  // resnets by level
    std::set<int64_t> attends;
  };

  static std::optional<std::string> Resnet(const std::string& at, const Words& words, size_t from) {
    const auto found = UNetResnet().find(words[from]);
    if (found == UNetResnet().end()) return std::nullopt;
    return absl::StrCat(at, found->second, Tail(words, from + 1));
  }

  std::optional<std::string> Middle(const Words& words) const {
    if (words.size() < 5) return std::nullopt;
    if (words[1] == "attentions") return absl::StrCat("middle_block.1", Tail(words, 3));
    if (words[2] == "0") return Resnet("middle_block.0.", words, 3);
    return Resnet(absl::StrCat("middle_block.", middle_attention_ ? 2 : 1, "."), words, 3);
  }

  Side down_, up_;
  bool middle_attention_ = false;
};

std::optional<std::string> UNetEnd(const std::string& name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kEnds = {
      {{"time_embedding.linear_1.", "time_embed.0."},
       {"time_embedding.linear_2.", "time_embed.2."},
       {"add_embedding.linear_1.", "label_emb.0.0."},
       {"add_embedding.linear_2.", "label_emb.0.2."},
       {"conv_in.", "input_blocks.0.0."},
       {"conv_norm_out.", "out.0."},
       {"conv_out.", "out.2."}}};
  for (const auto& [from, to] : kEnds) {
    if (name.starts_with(from)) return std::string(to) + name.substr(from.size());
  }
  return std::nullopt;
}

absl::Status NoPlace(const std::string& name, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("tensor ", Quoted(name),
                                                 ": single files have no place for it, expected ",
                                                 what, " of SDXL's kind"));
}

// ldm's name; `levels` of its half.
std::string LdmName(std::string name, int64_t levels) {
  const Words words = absl::StrSplit(name, '.');
  if (words.size() > 3 && words[1] == "up_blocks") {
    const std::string level = absl::StrCat(levels - 1 - Number(words, 2).value_or(0));
    name = absl::StrCat(words[0], ".up.", level, Tail(words, 3));
  }
  return absl::StrReplaceAll(name, {{".conv_norm_out.", ".norm_out."},
                                    {".conv_shortcut.", ".nin_shortcut."},
                                    {".mid_block.resnets.0.", ".mid.block_1."},
                                    {".mid_block.resnets.1.", ".mid.block_2."},
                                    {".mid_block.attentions.0.group_norm.", ".mid.attn_1.norm."},
                                    {".mid_block.attentions.0.to_out.0.", ".mid.attn_1.proj_out."},
                                    {".mid_block.attentions.0.to_q.", ".mid.attn_1.q."},
                                    {".mid_block.attentions.0.to_k.", ".mid.attn_1.k."},
                                    {".mid_block.attentions.0.to_v.", ".mid.attn_1.v."},
                                    {".down_blocks.", ".down."},
                                    {".downsamplers.0.", ".downsample."},
                                    {".upsamplers.0.", ".upsample."},
                                    {".resnets.", ".block."}});
}

}  // namespace

absl::StatusOr<std::vector<Renaming>> ToSgmUNetNames(const std::vector<std::string>& names) {
  const SgmPlaces places(names);
  std::vector<Renaming> renamings;
  for (const std::string& name : names) {
    const Words words = absl::StrSplit(name, '.');
    std::optional<std::string> to = UNetEnd(name);
    if (!to && absl::StrContains(words[0], "_block")) to = places.Name(words);
    if (!to) return NoPlace(name, "a UNet");
    renamings.push_back({name, *std::move(to)});
  }
  return renamings;
}

absl::StatusOr<std::vector<Renaming>> ToLdmVaeNames(const std::vector<std::string>& names) {
  int64_t levels = 0;
  for (const std::string& name : names) {
    const Words words = absl::StrSplit(name, '.');
    if (words.size() > 3 && words[1] == "up_blocks")
      levels = std::max(levels, Number(words, 2).value_or(-1) + 1);
  }
  std::vector<Renaming> renamings;
  for (const std::string& name : names) {
    const bool known = name.starts_with("encoder.") || name.starts_with("decoder.") ||
                       name.starts_with("quant_conv.") || name.starts_with("post_quant_conv.");
    if (!known) return NoPlace(name, "a VAE");
    renamings.push_back({name, LdmName(name, levels)});
  }
  return renamings;
}

}  // namespace draftp
