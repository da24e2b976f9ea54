#include "draftp/checkpoint/sgm_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Words = std::vector<std::string>;

struct Named {
  std::string_view sgm, diffusers;
};

// The rest of a name behind `words`, with a dot before it unless it is empty.
std::string Tail(const Words& words, size_t from) {
  std::string tail;
  for (size_t i = from; i < words.size(); ++i) absl::StrAppend(&tail, ".", words[i]);
  return tail;
}

std::optional<int64_t> Number(const Words& words, size_t at) {
  constexpr int64_t kMost = 1 << 20;  // no model has as many blocks
  int64_t number = 0;
  if (at >= words.size() || !absl::SimpleAtoi(words[at], &number) || number < 0 || number > kMost)
    return std::nullopt;
  return number;
}

using Side = std::string_view Named::*;

// `rest`, such as "in_layers.0.weight" or "in_layers.0", with its beginning, one of the table's
// names on the side `from`, replaced by the other.
std::optional<std::string> Replace(const std::string& rest, std::span<const Named> table,
                                   Side from) {
  const Side to = from == &Named::sgm ? &Named::diffusers : &Named::sgm;
  for (const Named& named : table) {
    const std::string_view front = named.*from;
    if (rest == front || (rest.starts_with(front) && rest[front.size()] == '.'))
      return std::string(named.*to) + rest.substr(front.size());
  }
  return std::nullopt;
}

constexpr std::array<Named, 7> kUNetEnds = {{{"time_embed.0", "time_embedding.linear_1"},
                                             {"time_embed.2", "time_embedding.linear_2"},
                                             {"label_emb.0.0", "add_embedding.linear_1"},
                                             {"label_emb.0.2", "add_embedding.linear_2"},
                                             {"input_blocks.0.0", "conv_in"},
                                             {"out.0", "conv_norm_out"},
                                             {"out.2", "conv_out"}}};
constexpr std::array<Named, 6> kUNetResnet = {{{"in_layers.0", "norm1"},
                                               {"in_layers.2", "conv1"},
                                               {"emb_layers.1", "time_emb_proj"},
                                               {"out_layers.0", "norm2"},
                                               {"out_layers.3", "conv2"},
                                               {"skip_connection", "conv_shortcut"}}};

// Which diffusers block and layer each of sgm's flat list of blocks is.
class UNetPlaces {
 public:
  UNetPlaces(const WeightMap& weights, const std::string& prefix) {
    std::map<int64_t, bool> down, up;  // block of sgm: whether it resamples
    for (const std::string& name : weights.names()) {
      if (!absl::StartsWith(name, prefix)) continue;
      const Words words = absl::StrSplit(name.substr(prefix.size()), '.');
      const std::optional<int64_t> block = Number(words, 1);
      if (!block || words.size() < 4) continue;
      if (words[0] == "input_blocks" && *block > 0) down[*block] |= words[3] == "op";
      if (words[0] == "output_blocks") up[*block] |= words[3] == "conv";
      if (words[0] == "middle_block" && *block == 1) middle_resnet_ |= words[2] == "in_layers";
    }
    int64_t level = 0, layer = 0;
    for (const auto& [block, resamples] : down) {
      down_[block] = {level, resamples ? 0 : layer};
      layer = resamples ? 0 : layer + 1;
      level += resamples ? 1 : 0;
    }
    level = layer = 0;
    for (const auto& [block, resamples] : up) {
      up_[block] = {level, layer};
      layer = resamples ? 0 : layer + 1;
      level += resamples ? 1 : 0;
    }
  }

  // input_blocks.B.M.REST and output_blocks.B.M.REST.
  std::optional<std::string> Block(const Words& words) const {
    const bool is_down = words[0] == "input_blocks";
    const auto& places = is_down ? down_ : up_;
    const std::optional<int64_t> block = Number(words, 1), member = Number(words, 2);
    if (!block || !member || words.size() < 4 || !places.contains(*block)) return std::nullopt;
    const auto [level, layer] = places.at(*block);
    const std::string here = absl::StrCat(is_down ? "down_blocks." : "up_blocks.", level);
    if (is_down && words[3] == "op")
      return absl::StrCat(here, ".downsamplers.0.conv", Tail(words, 4));
    if (!is_down && words[3] == "conv")
      return absl::StrCat(here, ".upsamplers.0.conv", Tail(words, 4));
    return Layer(here, layer, *member == 0, Tail(words, 3).substr(1));
  }

  // middle_block.M.REST: a resnet, an attention, a resnet; the attention may be absent.
  std::optional<std::string> Middle(const Words& words) const {
    const std::optional<int64_t> member = Number(words, 1);
    if (!member || words.size() < 3) return std::nullopt;
    const bool resnet = *member != 1 || middle_resnet_;
    return Layer("mid_block", resnet && *member > 0 ? 1 : 0, resnet, Tail(words, 2).substr(1));
  }

 private:
  struct Place {
    int64_t level, layer;
  };

  static std::optional<std::string> Layer(const std::string& block, int64_t layer, bool resnet,
                                          const std::string& rest) {
    if (!resnet) return absl::StrCat(block, ".attentions.", layer, ".", rest);
    const std::optional<std::string> inner = Replace(rest, kUNetResnet, &Named::sgm);
    if (!inner) return std::nullopt;
    return absl::StrCat(block, ".resnets.", layer, ".", *inner);
  }

  std::map<int64_t, Place> down_, up_;
  bool middle_resnet_ = false;
};

// Pieces of a VAE's names, but for the blocks of the way up, which ldm counts backwards.
constexpr std::array<Named, 12> kVae = {
    {{".norm_out.", ".conv_norm_out."},
     {".nin_shortcut.", ".conv_shortcut."},
     {".mid.block_1.", ".mid_block.resnets.0."},
     {".mid.block_2.", ".mid_block.resnets.1."},
     {".mid.attn_1.norm.", ".mid_block.attentions.0.group_norm."},
     {".mid.attn_1.proj_out.", ".mid_block.attentions.0.to_out.0."},
     {".mid.attn_1.q.", ".mid_block.attentions.0.to_q."},
     {".mid.attn_1.k.", ".mid_block.attentions.0.to_k."},
     {".mid.attn_1.v.", ".mid_block.attentions.0.to_v."},
     {".down.", ".down_blocks."},
     {".downsample.", ".downsamplers.0."},
     {".upsample.", ".upsamplers.0."}}};

// A VAE's names from one side to the other.
class VaeTranslation {
 public:
  // `names` without a prefix, by which the blocks of the way up are counted.
  VaeTranslation(const std::vector<std::string>& names, Side from)
      : from_sgm_(from == &Named::sgm) {
    const Side to = from_sgm_ ? &Named::diffusers : &Named::sgm;
    for (const Named& named : kVae)
      pieces_.emplace_back(std::string(named.*from), std::string(named.*to));
    pieces_.emplace_back(from_sgm_ ? ".block." : ".resnets.", from_sgm_ ? ".resnets." : ".block.");
    for (const std::string& name : names) {
      const Words words = absl::StrSplit(name, '.');
      if (IsUp(words)) levels_ = std::max(levels_, *Number(words, 2) + 1);
    }
  }

  // None of a name that belongs to no VAE.
  std::optional<std::string> Of(const std::string& name) const {
    Words words = absl::StrSplit(name, '.');
    constexpr std::array kParts = {"encoder", "decoder", "quant_conv", "post_quant_conv"};
    if (words.size() < 2 || std::ranges::find(kParts, words[0]) == kParts.end())
      return std::nullopt;
    if (IsUp(words)) {
      words[1] = from_sgm_ ? "up_blocks" : "up";
      words[2] = absl::StrCat(levels_ - 1 - *Number(words, 2));
    }
    return absl::StrReplaceAll(absl::StrJoin(words, "."), pieces_);
  }

 private:
  bool IsUp(const Words& words) const {
    return words.size() > 3 && words[1] == (from_sgm_ ? "up" : "up_blocks") &&
           Number(words, 2).has_value();
  }

  bool from_sgm_;
  std::vector<std::pair<std::string, std::string>> pieces_;
  int64_t levels_ = 0;
};

absl::Status NoPlace(const std::string& name, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("tensor ", Quoted(name),
                                                 ": single files have no place for it, expected ",
                                                 what, " of SDXL's kind"));
}

}  // namespace

std::vector<Renaming> SgmUNetNames(const WeightMap& weights, const std::string& prefix) {
  const UNetPlaces places(weights, prefix);
  std::vector<Renaming> names;
  for (const std::string& name : weights.names()) {
    if (!absl::StartsWith(name, prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    const Words words = absl::StrSplit(rest, '.');
    std::optional<std::string> to = Replace(rest, kUNetEnds, &Named::sgm);
    if (!to && (words[0] == "input_blocks" || words[0] == "output_blocks"))
      to = places.Block(words);
    if (!to && words[0] == "middle_block") to = places.Middle(words);
    if (to) names.push_back({name, *std::move(to)});
  }
  return names;
}

std::vector<Renaming> LdmVaeNames(const WeightMap& weights, const std::string& prefix) {
  std::vector<std::string> rests;
  for (const std::string& name : weights.names()) {
    if (absl::StartsWith(name, prefix)) rests.push_back(name.substr(prefix.size()));
  }
  const VaeTranslation translation(rests, &Named::sgm);
  std::vector<Renaming> names;
  for (const std::string& rest : rests) {
    std::optional<std::string> to = translation.Of(rest);
    if (!to) continue;
    const auto shape = weights.Shape(prefix + rest);
    const bool projects = absl::StrContains(*to, ".attentions.0.to_");
    names.push_back(
        {prefix + rest, *std::move(to), {.flat = projects && shape.ok() && shape->size() == 4}});
  }
  return names;
}

SgmUNetPlaces::SgmUNetPlaces(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const Words words = absl::StrSplit(name, '.');
    const std::optional<int64_t> level = Number(words, 1), layer = Number(words, 3);
    if (!level || !layer) {
      middle_attends_ |= absl::StartsWith(name, "mid_block.attentions.");
      continue;
    }
    Way& way = words[0] == "down_blocks" ? down_ : up_;
    if (words[2] == "resnets") way.layers[*level] = std::max(way.layers[*level], *layer + 1);
    if (words[2] == "attentions") way.attends.insert(*level);
  }
}

std::optional<std::string> SgmUNetPlaces::Of(const std::string& name) const {
  if (auto end = Replace(name, kUNetEnds, &Named::diffusers)) return end;
  const Words words = absl::StrSplit(name, '.');
  const auto resnet = [&words](const std::string& at, size_t from) -> std::optional<std::string> {
    const auto inner = Replace(Tail(words, from).substr(1), kUNetResnet, &Named::diffusers);
    if (!inner) return std::nullopt;
    return absl::StrCat(at, ".", *inner);
  };
  if (words[0] == "mid_block" && words.size() > 3) {
    if (words[1] == "attentions") return absl::StrCat("middle_block.1", Tail(words, 3));
    const int64_t second = middle_attends_ ? 2 : 1;
    return resnet(absl::StrCat("middle_block.", words[2] == "0" ? 0 : second), 3);
  }
  const bool down = words[0] == "down_blocks";
  const std::optional<int64_t> level = Number(words, 1), layer = Number(words, 3);
  if ((!down && words[0] != "up_blocks") || !level || !layer || words.size() < 5)
    return std::nullopt;
  const Way& way = down ? down_ : up_;
  int64_t first = down ? 1 : 0;  // of the level's blocks in sgm's list
  for (const auto& [above, layers] : way.layers) {
    if (above < *level) first += layers + (down ? 1 : 0);  // the downsampler
  }
  const auto own = way.layers.find(*level);
  const int64_t layers = own == way.layers.end() ? 0 : own->second;
  if (words[2] == "downsamplers")
    return absl::StrCat("input_blocks.", first + layers, ".0.op", Tail(words, 5));
  if (words[2] == "upsamplers") {
    return absl::StrCat("output_blocks.", first + layers - 1, ".",
                        way.attends.contains(*level) ? 2 : 1, ".conv", Tail(words, 5));
  }
  const std::string at = absl::StrCat(down ? "input_blocks." : "output_blocks.", first + *layer);
  if (words[2] == "attentions") return absl::StrCat(at, ".1", Tail(words, 4));
  return words[2] == "resnets" ? resnet(at + ".0", 4) : std::nullopt;
}

absl::StatusOr<std::vector<Renaming>> ToSgmUNetNames(const std::vector<std::string>& names) {
  const SgmUNetPlaces places(names);
  std::vector<Renaming> renamings;
  for (const std::string& name : names) {
    std::optional<std::string> to = places.Of(name);
    if (!to) return NoPlace(name, "a UNet");
    renamings.push_back({name, *std::move(to)});
  }
  return renamings;
}

absl::StatusOr<std::vector<Renaming>> ToLdmVaeNames(const std::vector<std::string>& names) {
  const VaeTranslation translation(names, &Named::diffusers);
  std::vector<Renaming> renamings;
  for (const std::string& name : names) {
    std::optional<std::string> to = translation.Of(name);
    if (!to) return NoPlace(name, "a VAE");
    renamings.push_back({name, *std::move(to)});
  }
  return renamings;
}

}  // namespace draftp
