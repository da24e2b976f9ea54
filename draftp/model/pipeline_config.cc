// Reads model_index.json: pipeline class, component classes, and how an empty negative prompt is
// encoded.
#include "draftp/model/pipeline_config.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

// A component is stated as [library, class]; the library is not compared, since forks write their
// own.
void RequireComponent(JsonReader& json, const std::string& key,
                      const std::vector<std::string>& supported) {
  const nlohmann::json* value = json.Find(key);
  const bool is_pair = value != nullptr && value->is_array() && value->size() == 2;
  const std::string found =
      is_pair && (*value)[1].is_string() ? (*value)[1].get<std::string>() : "";
  for (const std::string& name : supported) {
    if (found == name) return;
  }
  json.Fail(key, absl::StrCat("found ", value == nullptr ? "nothing" : Printable(value->dump(), 60),
                              ", supported: ", absl::StrJoin(supported, ", ")));
}

// A pipeline of SDXL's parts, whatever it draws from and whatever stands beside them: a ControlNet,
// an adapter, what a guidance of its own asks for.
void RequireSdxlClass(JsonReader& json) {
  const std::string name = json.String("_class_name");
  if (absl::StartsWith(name, "StableDiffusionXL") && absl::EndsWith(name, "Pipeline")) return;
  json.Fail("_class_name",
            absl::StrCat("found ", Quoted(name), ", supported: StableDiffusionXL...Pipeline"));
}

}  // namespace

absl::StatusOr<PipelineConfig> ParsePipelineConfig(JsonReader json) {
  json.Ignore({"_diffusers_version", "_name_or_path", "_commit_hash", "scheduler",
               "add_watermarker", "feature_extractor", "image_encoder", "controlnet", "adapter",
               "pag_applied_layers", "safety_checker", "requires_safety_checker"});
  RequireSdxlClass(json);
  RequireUnset(json, "requires_aesthetics_score", "the refiner's conditioning");
  RequireUnset(json, "is_cosxl_edit", "a network that takes a picture");
  RequireComponent(json, "text_encoder", {"CLIPTextModel"});
  RequireComponent(json, "text_encoder_2", {"CLIPTextModelWithProjection"});
  RequireComponent(json, "tokenizer", {"CLIPTokenizer", "CLIPTokenizerFast"});
  RequireComponent(json, "tokenizer_2", {"CLIPTokenizer", "CLIPTokenizerFast"});
  RequireComponent(json, "unet", {"UNet2DConditionModel"});
  RequireComponent(json, "vae", {"AutoencoderKL"});
  PipelineConfig config;
  config.force_zeros_for_empty_prompt = json.Bool("force_zeros_for_empty_prompt", true);
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

absl::StatusOr<PipelineConfig> ReadPipelineConfig(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  return ParsePipelineConfig(*std::move(json));
}

}  // namespace draftp
