// Reads a CLIP text encoder's config.json: what the model needs, what is benign, and errors for the
// rest.
#include "draftp/model/clip_text_config.h"

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
#include "draftp/model/clip_layers.h"
#include "draftp/model/clip_tower_config.h"

namespace draftp {
namespace {

bool ReadsProjection(JsonReader& json) {
  const std::vector<std::string> architectures =
      json.StringList("architectures", std::vector<std::string>{"CLIPTextModel"});
  if (architectures.size() == 1 && architectures[0] == "CLIPTextModel") return false;
  if (architectures.size() == 1 && architectures[0] == "CLIPTextModelWithProjection") return true;
  json.Fail(
      "architectures",
      absl::StrCat("found ", architectures.empty() ? "an empty list" : Quoted(architectures[0]),
                   ", supported: CLIPTextModel, CLIPTextModelWithProjection"));
  return false;
}

constexpr ClipLayerConfig kDefaults = {.hidden_size = 512,
                                       .intermediate_size = 2048,
                                       .num_heads = 8,
                                       .activation = ClipActivation::kQuickGelu,
                                       .layer_norm_eps = 1e-5,
                                       .causal = true};

}  // namespace

absl::StatusOr<ClipTextConfig> ParseClipTextConfig(JsonReader json) {
  IgnoreBenignClipKeys(json);
  RequireUnset(json, "pruned_heads", "attention heads left out");
  RequireUnset(json, "add_cross_attention", "layers that CLIP doesn't have");
  ClipTextConfig config;
  config.vocab_size = json.IntBetween("vocab_size", 1, kMaxClipSize, 49408);
  config.num_layers = json.IntBetween("num_hidden_layers", 1, 1000, 12);
  config.max_positions = json.IntBetween("max_position_embeddings", 1, kMaxClipSize, 77);
  config.layer = ReadClipLayerConfig(json, kDefaults);
  config.eos_token_id = json.Int("eos_token_id", 49407);
  config.pools_greatest_id = config.eos_token_id == 2;
  const int64_t projection_dim = json.IntBetween("projection_dim", 1, kMaxClipSize, 512);
  config.projection_dim = ReadsProjection(json) ? projection_dim : 0;
  if (json.status().ok() && !config.pools_greatest_id &&
      (config.eos_token_id < 0 || config.eos_token_id >= config.vocab_size)) {
    json.Fail("eos_token_id",
              absl::StrCat("found ", config.eos_token_id, ", expected an id below vocab_size, ",
                           config.vocab_size));
  }
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

absl::StatusOr<ClipTextConfig> ReadClipTextConfig(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  return ParseClipTextConfig(*std::move(json));
}

}  // namespace draftp
