// Reads the config of a CLIP image tower: what the model needs, and errors for what it can't do.
#include "draftp/model/clip_image_config.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_checks.h"
#include "draftp/model/clip_tower_config.h"

namespace draftp {
namespace {

constexpr ClipLayerConfig kDefaults = {.hidden_size = 768,
                                       .intermediate_size = 3072,
                                       .num_heads = 12,
                                       .activation = ClipActivation::kQuickGelu,
                                       .layer_norm_eps = 1e-5,
                                       .causal = false};

}  // namespace

absl::StatusOr<ClipImageConfig> ParseClipImageConfig(JsonReader json) {
  IgnoreBenignClipKeys(json);
  json.Ignore({"architectures", "eos_token_id"});
  RequireUnset(json, "pruned_heads", "attention heads left out");
  RequireUnset(json, "add_cross_attention", "layers that CLIP doesn't have");
  constexpr int64_t kMaxPixels = 1 << 12;  // a side
  ClipImageConfig config;
  config.image_size = json.IntBetween("image_size", 1, kMaxPixels, 224);
  config.patch_size = json.IntBetween("patch_size", 1, kMaxPixels, 32);
  config.num_layers = json.IntBetween("num_hidden_layers", 1, 1000, 12);
  config.layer = ReadClipLayerConfig(json, kDefaults);
  config.projection_dim = json.IntBetween("projection_dim", 1, kMaxClipSize, 512);
  json.IntBetween("num_channels", 3, 3, 3);
  if (json.status().ok() && config.patch_size > config.image_size) {
    json.Fail("patch_size", absl::StrCat("found ", config.patch_size,
                                         ", expected at most image_size, ", config.image_size));
  }
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

}  // namespace draftp
