#include "draftp/checkpoint/sgm_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

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
  int64_t number = 0;
  if (at >= words.size() || !absl::SimpleAtoi(words[at], &number) || number < 0)
    return std::nullopt;
  return number;
}

// `rest`, such as "in_layers.0.weight", with its beginning replaced by the table's entry for it.
std::optional<std::string> Replace(const std::string& rest, std::span<const Named> table) {
  for (const auto& [sgm, diffusers] : table) {
    if (rest == sgm || (rest.starts_with(sgm) && rest[sgm.size()] == '.'))
      return std::string(diffusers) + rest.substr(sgm.size());
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
    const std::optional<std::string> inner = Replace(rest, kUNetResnet);
    if (!inner) return std::nullopt;
    return absl::StrCat(block, ".resnets.", layer, ".", *inner);
  }

  std::map<int64_t, Place> down_, up_;
  bool middle_resnet_ = false;
};

constexpr std::array<Named, 1> kVaeResnet = {{{"nin_shortcut", "conv_shortcut"}}};
constexpr std::array<Named, 5> kVaeAttention = {{{"norm", "group_norm"},
                                                 {"q", "to_q"},
                                                 {"k", "to_k"},
                                                 {"v", "to_v"},
                                                 {"proj_out", "to_out.0"}}};

// The part of an ldm name behind encoder or decoder; `levels` of it.
std::optional<std::string> VaeName(const Words& words, int64_t levels) {
  const std::string& half = words[0];
  if (words[1] == "norm_out") return absl::StrCat(half, ".conv_norm_out", Tail(words, 2));
  if (words[1] == "conv_in" || words[1] == "conv_out")
    return absl::StrCat(half, ".", words[1], Tail(words, 2));
  const auto resnet = [&](const std::string& at, size_t from) {
    const std::string rest = Tail(words, from).substr(1);
    return absl::StrCat(at, ".", Replace(rest, kVaeResnet).value_or(rest));
  };
  if (words.size() < 4) return std::nullopt;
  if (words[1] == "mid" && (words[2] == "block_1" || words[2] == "block_2"))
    return resnet(absl::StrCat(half, ".mid_block.resnets.", words[2] == "block_2" ? 1 : 0), 3);
  if (words[1] == "mid" && words[2] == "attn_1") {
    const auto inner = Replace(Tail(words, 3).substr(1), kVaeAttention);
    if (!inner) return std::nullopt;
    return absl::StrCat(half, ".mid_block.attentions.0.", *inner);
  }
  const std::optional<int64_t> level = Number(words, 2);
  if (!level || *level >= levels || (words[1] != "up" && words[1] != "down")) return std::nullopt;
  const std::string block = words[1] == "up"
                                ? absl::StrCat(half, ".up_blocks.", levels - 1 - *level)
                                : absl::StrCat(half, ".down_blocks.", *level);
  if (words[3] == "upsample" || words[3] == "downsample")
    return absl::StrCat(block, ".", words[3], "rs.0", Tail(words, 4));
  if (words[3] != "block" || !Number(words, 4) || words.size() < 7) return std::nullopt;
  return resnet(absl::StrCat(block, ".resnets.", words[4]), 5);
}

}  // namespace

std::vector<Renaming> SgmUNetNames(const WeightMap& weights, const std::string& prefix) {
  const UNetPlaces places(weights, prefix);
  std::vector<Renaming> names;
  for (const std::string& name : weights.names()) {
    if (!absl::StartsWith(name, prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    const Words words = absl::StrSplit(rest, '.');
    std::optional<std::string> to = Replace(rest, kUNetEnds);
    if (!to && (words[0] == "input_blocks" || words[0] == "output_blocks"))
      to = places.Block(words);
    if (!to && words[0] == "middle_block") to = places.Middle(words);
    if (to) names.push_back({name, *std::move(to)});
  }
  return names;
}

std::vector<Renaming> LdmVaeNames(const WeightMap& weights, const std::string& prefix) {
  int64_t levels = 0;
  const std::vector<std::string> all = weights.names();
  const std::string up = prefix + "decoder.up.";
  for (const std::string& name : all) {
    if (!absl::StartsWith(name, up)) continue;
    const Words words = absl::StrSplit(name.substr(up.size()), '.');
    levels = std::max(levels, Number(words, 0).value_or(-1) + 1);
  }
  std::vector<Renaming> names;
  for (const std::string& name : all) {
    if (!absl::StartsWith(name, prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    const Words words = absl::StrSplit(rest, '.');
    std::optional<std::string> to;
    if (words.size() == 2 && absl::EndsWith(words[0], "quant_conv")) to = rest;
    if (words.size() > 2 && (words[0] == "encoder" || words[0] == "decoder"))
      to = VaeName(words, words[0] == "decoder" ? levels : int64_t{1} << 16);
    if (!to) continue;
    const auto shape = weights.Shape(name);
    const bool projects = absl::StrContains(*to, ".attentions.0.to_");
    names.push_back({name, *std::move(to), {.flat = projects && shape.ok() && shape->size() == 4}});
  }
  return names;
}

}  // namespace draftp
