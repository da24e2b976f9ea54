#include "draftp/model/unet_config.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using nlohmann::json;

constexpr int64_t kMaxChannels = 1 << 16;
constexpr int64_t kMaxLayers =
    64;  // residual blocks of a level, or transformer blocks behind one of them

// Keys of which some values alone are supported; an absent key has the first.
struct Supported {
  const char* key;
  std::vector<json> values;
};

const std::vector<Supported>& SupportedValues() {
  static const auto* const table = new std::vector<Supported>{
      {"_class_name", {"UNet2DConditionModel"}},
      {"act_fn", {"silu", "swish"}},
      {"attention_type", {"default"}},
      {"addition_embed_type", {nullptr, "text_time"}},
      {"class_embed_type", {nullptr}},
      {"class_embeddings_concat", {false, nullptr}},
      {"cross_attention_norm", {nullptr}},
      {"downsample_padding", {1}},
      {"dual_cross_attention", {false, nullptr}},
      {"encoder_hid_dim", {nullptr}},
      {"encoder_hid_dim_type", {nullptr}},
      {"mid_block_type", {"UNetMidBlock2DCrossAttn", "UNetMidBlock2D", nullptr}},
      {"num_attention_heads", {nullptr}},
      {"num_class_embeds", {nullptr}},
      {"resnet_time_scale_shift", {"default", "scale_shift"}},
      {"time_cond_proj_dim", {nullptr}},
      {"time_embedding_act_fn", {nullptr}},
      {"time_embedding_type", {"positional"}},
      {"timestep_post_act", {nullptr}},
  };
  return *table;
}

// Keys that name the file, or that diffusers hands to other block types than those supported here;
// upcast_attention has no effect on its fused attention, which accumulates in float32.
constexpr std::initializer_list<const char*> kWithoutEffect = {"_commit_hash",
                                                               "_diffusers_version",
                                                               "_name_or_path",
                                                               "addition_embed_type_num_heads",
                                                               "dropout",
                                                               "sample_size",
                                                               "mid_block_only_cross_attention",
                                                               "resnet_out_scale_factor",
                                                               "resnet_skip_time_act",
                                                               "upcast_attention"};

std::string Join(const std::vector<json>& values) {
  return absl::StrJoin(values, " or ", [](std::string* out, const json& value) {
    out->append(Printable(value.dump(-1, ' ', false, json::error_handler_t::replace), 60));
  });
}

// The value of a key of the table, by default its first supported one.
json OneOf(JsonReader& reader, const Supported& supported) {
  const json* found = reader.Find(supported.key);
  if (found == nullptr) return supported.values.front();
  const auto& values = supported.values;
  if (std::find(values.begin(), values.end(), *found) == values.end()) {
    reader.Fail(supported.key, absl::StrCat("is ", Join({*found}), ", supported: ", Join(values)));
  }
  return *found;
}

bool Is(JsonReader& reader, std::string_view key, const char* value) {
  for (const Supported& supported : SupportedValues()) {
    if (key == supported.key) return OneOf(reader, supported) == value;
  }
  return false;
}

UNetMidBlock ReadMidBlock(JsonReader& reader) {
  const json* const found = reader.Find("mid_block_type");
  if (found != nullptr && found->is_null()) return UNetMidBlock::kNone;
  return Is(reader, "mid_block_type", "UNetMidBlock2D") ? UNetMidBlock::kResnet
                                                        : UNetMidBlock::kCrossAttention;
}

// False too where the key is null.
bool Flag(JsonReader& reader, const std::string& key) {
  const json* const found = reader.Find(key);
  return found != nullptr && !found->is_null() && reader.Bool(key);
}

// Block types of one direction: whether each attends to the prompt.
std::vector<bool> Attends(JsonReader& reader, const std::string& key, const std::string& with,
                          const std::string& without, std::vector<std::string> fallback) {
  std::vector<bool> attends;
  for (const std::string& type : reader.StringList(key, std::move(fallback))) {
    if (type != with && type != without) {
      reader.Fail(key, absl::StrCat("has ", Quoted(type), ", supported: ", with, ", ", without));
    }
    attends.push_back(type == with);
  }
  return attends;
}

// Depths behind each of `layers` residual blocks: one number for all, or a list. Where nothing
// `attends`, diffusers doesn't look at them: 0 will do.
std::vector<int64_t> DepthsOfLevel(JsonReader& reader, const std::string& key, const json& value,
                                   int64_t layers, bool attends) {
  const auto fits = [least = attends ? 1 : 0](const json& depth) {
    return depth.is_number_integer() && depth >= least && depth <= kMaxLayers;
  };
  if (fits(value)) return std::vector<int64_t>(layers, value.get<int64_t>());
  if (value.is_array() && static_cast<int64_t>(value.size()) >= layers &&
      std::all_of(value.begin(), value.end(), fits)) {
    const auto depths = value.get<std::vector<int64_t>>();
    return {depths.begin(), depths.begin() + layers};
  }
  reader.Fail(key, absl::StrCat("has ", Join({value}), ", expected a number of blocks from 1 to ",
                                kMaxLayers, ", or a list of ", layers, " of them"));
  return std::vector<int64_t>(layers, 1);
}

// The value of `key` for each of `count` levels.
std::vector<json> PerLevel(JsonReader& reader, const std::string& key, size_t count) {
  const json* found = reader.Find(key);
  if (found == nullptr || found->is_null()) return std::vector<json>(count, 1);
  if (!found->is_array()) return std::vector<json>(count, *found);
  if (found->size() != count) {
    reader.Fail(
        key, absl::StrCat("has ", found->size(), " entries, expected ", count, ", one per level"));
    return std::vector<json>(count, 1);
  }
  return found->get<std::vector<json>>();
}

void ReadDepths(JsonReader& reader, const std::vector<int64_t>& layers, UNetConfig& config) {
  const std::string key = "transformer_layers_per_block",
                    up_key = "reverse_transformer_layers_per_block";
  const size_t count = config.levels.size();
  const std::vector<json> down = PerLevel(reader, key, count);
  std::vector<json> up(down.rbegin(), down.rend());
  const bool nested =
      std::any_of(down.begin(), down.end(), [](const json& depth) { return depth.is_array(); });
  if (reader.Has(up_key)) {
    up = PerLevel(reader, up_key, count);
  } else {
    reader.Ignore({up_key});
    if (nested) reader.Fail(key, absl::StrCat("has lists inside, which need ", up_key));
  }
  for (size_t i = 0; i < count; ++i) {
    config.levels[i].down_depths =
        DepthsOfLevel(reader, key, down[i], layers[i], config.levels[i].down_attention);
    config.levels[i].up_depths = DepthsOfLevel(reader, up_key, up[count - 1 - i], layers[i] + 1,
                                               config.levels[i].up_attention);
  }
  const bool mid_attends = config.mid_block == UNetMidBlock::kCrossAttention;
  config.mid_depth = DepthsOfLevel(reader, key, down.back(), 1, mid_attends).front();
}

void ReadLevels(JsonReader& reader, UNetConfig& config) {
  const std::vector<int64_t> channels =
      reader.IntList("block_out_channels", {{320, 640, 1280, 1280}});
  const std::string cross_down = "CrossAttnDownBlock2D", cross_up = "CrossAttnUpBlock2D";
  const auto down = Attends(reader, "down_block_types", cross_down, "DownBlock2D",
                            {cross_down, cross_down, cross_down, "DownBlock2D"});
  const auto up = Attends(reader, "up_block_types", cross_up, "UpBlock2D",
                          {"UpBlock2D", cross_up, cross_up, cross_up});
  const size_t count = channels.size();
  if (count < 1 || count > 8)
    reader.Fail("block_out_channels", absl::StrCat("has ", count, " entries, expected 1 to 8"));
  if (down.size() != count) {
    reader.Fail("down_block_types",
                absl::StrCat("has ", down.size(), " entries, block_out_channels ", count));
  }
  if (up.size() != count) {
    reader.Fail("up_block_types",
                absl::StrCat("has ", up.size(), " entries, block_out_channels ", count));
  }
  const auto heads = reader.IntOrIntList("attention_head_dim", count, 8);
  const auto layers = reader.IntOrIntList("layers_per_block", count, 2);
  const auto only_cross = reader.BoolOrBoolList("only_cross_attention", count, false);
  if (!reader.status().ok()) return;
  for (size_t i = 0; i < count; ++i) {
    const int64_t c = channels[i];
    if (c < 1 || c > kMaxChannels || c % config.norm_num_groups != 0) {
      reader.Fail("block_out_channels",
                  absl::StrCat("has ", c, ", expected multiples of norm_num_groups (",
                               config.norm_num_groups, ") up to ", kMaxChannels));
    }
    const bool mid_attends = i + 1 == count && config.mid_block == UNetMidBlock::kCrossAttention;
    if ((down[i] || up[count - 1 - i] || mid_attends) && (heads[i] < 1 || c % heads[i] != 0)) {
      reader.Fail("attention_head_dim",
                  absl::StrCat("has ", heads[i], ", expected a divisor of the level's ", c,
                               " channels (the key holds the number of heads)"));
    }
    if (layers[i] < 1 || layers[i] > kMaxLayers) {
      reader.Fail("layers_per_block",
                  absl::StrCat("has ", layers[i], ", expected 1 to ", kMaxLayers));
    }
    config.levels.push_back({.channels = c,
                             .heads = heads[i],
                             .only_cross_attention = only_cross[i],
                             .down_attention = down[i],
                             .up_attention = up[count - 1 - i],
                             .down_depths = {},
                             .up_depths = {}});
  }
  if (reader.status().ok()) ReadDepths(reader, layers, config);
}

// One width, however it is written: the prompt is the same for all levels.
int64_t ReadContextWidth(JsonReader& reader, size_t count) {
  const std::string key = "cross_attention_dim";
  const std::vector<int64_t> widths = reader.IntOrIntList(key, count, 1280);
  for (const int64_t width : widths) {
    if (width < 1 || width > kMaxChannels || width != widths.front()) {
      reader.Fail(key, absl::StrCat("has ", width, ", expected one width from 1 to ", kMaxChannels,
                                    " for all levels"));
    }
  }
  return widths.empty() ? 0 : widths.front();
}

void ReadTime(JsonReader& reader, UNetConfig& config) {
  config.time_scale_shift = Is(reader, "resnet_time_scale_shift", "scale_shift");
  config.flip_sin_to_cos = reader.Bool("flip_sin_to_cos", true);
  config.freq_shift = reader.Double("freq_shift", 0);
  const int64_t dim = config.levels.front().channels;
  config.time_embedding_dim = reader.OptionalInt("time_embedding_dim").value_or(4 * dim);
  if (config.time_embedding_dim < 1 || config.time_embedding_dim > kMaxChannels) {
    reader.Fail("time_embedding_dim",
                absl::StrCat("is ", config.time_embedding_dim, ", expected 1 to ", kMaxChannels));
  }
  int64_t least = dim;
  if (Is(reader, "addition_embed_type", "text_time")) {
    config.addition_time_embed_dim = reader.IntBetween("addition_time_embed_dim", 2, kMaxChannels);
    config.projection_class_embeddings_input_dim =
        reader.IntBetween("projection_class_embeddings_input_dim", 1, kMaxChannels);
    least = std::min(least, config.addition_time_embed_dim);
  } else {
    reader.Ignore({"addition_time_embed_dim", "projection_class_embeddings_input_dim"});
  }
  if (!(config.freq_shift >= 0 && config.freq_shift < static_cast<double>(least / 2))) {
    reader.Fail("freq_shift",
                absl::StrCat("is ", config.freq_shift, ", expected 0 to below ", least / 2));
  }
}

}  // namespace

absl::StatusOr<UNetConfig> ParseUNetConfig(JsonReader reader) {
  UNetConfig config;
  for (const Supported& supported : SupportedValues()) OneOf(reader, supported);
  for (const char* key : kWithoutEffect) reader.Ignore({key});
  config.in_channels = reader.IntBetween("in_channels", 1, kMaxChannels, 4);
  config.out_channels = reader.IntBetween("out_channels", 1, kMaxChannels, 4);
  for (auto [key, kernel] : {std::pair{"conv_in_kernel", &config.conv_in_kernel},
                             std::pair{"conv_out_kernel", &config.conv_out_kernel}}) {
    *kernel = reader.IntBetween(key, 1, 15, 3);
    if (*kernel % 2 == 0) reader.Fail(key, absl::StrCat("is ", *kernel, ", expected an odd size"));
  }
  config.center_input_sample = Flag(reader, "center_input_sample");
  config.use_linear_projection = Flag(reader, "use_linear_projection");
  config.mid_block_scale_factor = reader.Double("mid_block_scale_factor", 1.0);
  if (config.mid_block_scale_factor == 0)
    reader.Fail("mid_block_scale_factor", "is 0, by which nothing can be divided");
  config.norm_num_groups = reader.IntBetween("norm_num_groups", 1, kMaxChannels, 32);
  config.norm_eps = reader.Double("norm_eps", 1e-5);
  if (!(config.norm_eps > 0))
    reader.Fail("norm_eps", absl::StrCat("is ", config.norm_eps, ", expected above 0"));
  config.mid_block = ReadMidBlock(reader);
  ReadLevels(reader, config);
  if (!reader.status().ok()) return reader.status();
  config.cross_attention_dim = ReadContextWidth(reader, config.levels.size());
  ReadTime(reader, config);
  for (const std::string& key : reader.Unknown())
    reader.Fail(key, "is a key that this program doesn't know");
  if (!reader.status().ok()) return reader.status();
  return config;
}

absl::StatusOr<UNetConfig> ReadUNetConfig(const std::string& path) {
  absl::StatusOr<JsonReader> reader = JsonReader::Open(path);
  if (!reader.ok()) return reader.status();
  return ParseUNetConfig(*std::move(reader));
}

}  // namespace draftp
