// Reads an AutoencoderKL's config.json: what its decoder needs, the encoder's keys, and errors for
// the rest.
#include "draftp/model/vae_config.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr int64_t kLimit = 1 << 20;  // of channels

void ReadBlocks(JsonReader& json, VaeConfig& config) {
  config.block_out_channels = json.IntList("block_out_channels", std::vector<int64_t>{64});
  config.norm_num_groups = json.IntBetween("norm_num_groups", 1, kLimit, 32);
  const size_t levels = config.block_out_channels.size();
  if (levels < 1 || levels > 16) {
    json.Fail("block_out_channels", absl::StrCat("found ", levels, " entries, expected 1 to 16"));
  }
  for (const int64_t channels : config.block_out_channels) {
    if (channels >= 1 && channels <= kLimit && channels % config.norm_num_groups == 0) continue;
    json.Fail("block_out_channels",
              absl::StrCat("found ", channels, ", expected a multiple of norm_num_groups, ",
                           config.norm_num_groups));
  }
  const std::vector<std::string> types =
      json.StringList("up_block_types", std::vector<std::string>{"UpDecoderBlock2D"});
  for (const std::string& type : types) {
    if (type == "UpDecoderBlock2D") continue;
    json.Fail("up_block_types",
              absl::StrCat("found ", Quoted(type), ", supported: UpDecoderBlock2D"));
  }
  if (types.size() != levels) {
    json.Fail("up_block_types", absl::StrCat("found ", types.size(), " entries, expected ", levels,
                                             ", as many as block_out_channels"));
  }
}

// The entry per latent channel under `key`, or none.
std::vector<double> ReadPerChannel(JsonReader& json, const std::string& key, int64_t channels) {
  const std::vector<double> values = json.OptionalDoubleList(key).value_or(std::vector<double>{});
  if (json.Has(key) && static_cast<int64_t>(values.size()) != channels) {
    json.Fail(key, absl::StrCat("found ", values.size(), " entries, expected latent_channels, ",
                                channels));
  }
  return values;
}

void ReadScaling(JsonReader& json, VaeConfig& config) {
  config.scaling_factor = json.Double("scaling_factor", 0.18215);
  if (!(config.scaling_factor > 0)) {
    json.Fail("scaling_factor",
              absl::StrCat("found ", config.scaling_factor, ", expected a number above 0"));
  }
  config.shift_factor = json.OptionalDouble("shift_factor").value_or(0.0);
  config.latents_mean = ReadPerChannel(json, "latents_mean", config.latent_channels);
  config.latents_std = ReadPerChannel(json, "latents_std", config.latent_channels);
  if (config.latents_mean.empty() != config.latents_std.empty()) {
    json.Fail(config.latents_mean.empty() ? "latents_std" : "latents_mean",
              "found without the other, expected both latents_mean and latents_std or neither");
  }
  if (!config.latents_mean.empty() && config.shift_factor != 0) {
    json.Fail("shift_factor", absl::StrCat("found ", config.shift_factor,
                                           " beside latents_mean, expected one of them"));
  }
}

}  // namespace

absl::StatusOr<VaeConfig> ParseVaeConfig(JsonReader json) {
  json.Ignore({"_diffusers_version", "_name_or_path", "_commit_hash", "sample_size",
               "force_upcast",  // draftp never decodes in float16
               "in_channels", "down_block_types", "use_quant_conv"});  // the encoder's
  StringOneOf(json, "_class_name", {"AutoencoderKL"});
  StringOneOf(json, "act_fn", {"silu", "swish"}, "silu");
  VaeConfig config;
  ReadBlocks(json, config);
  config.layers_per_block = json.IntBetween("layers_per_block", 1, 100, 1);
  config.latent_channels = json.IntBetween("latent_channels", 1, kLimit, 4);
  if (const int64_t out = json.Int("out_channels", 3); out != 3) {
    json.Fail("out_channels", absl::StrCat("found ", out, ", supported: 3"));
  }
  config.mid_block_add_attention = json.Bool("mid_block_add_attention", true);
  config.use_post_quant_conv = json.Bool("use_post_quant_conv", true);
  ReadScaling(json, config);
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

absl::StatusOr<VaeConfig> ReadVaeConfig(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  return ParseVaeConfig(*std::move(json));
}

}  // namespace draftp
