#include "draftp/anneal/web_ui_text.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "draftp/adapter/adapter_source.h"
#include "draftp/anneal/lora_argument.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/last_name.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/version.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr size_t kModelDigits = 10, kLoraDigits = 12;

// The WebUI's `quote`.
std::string QuotedValue(const std::string& value) {
  if (value.find_first_of(",:\n") == std::string::npos) return value;
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// A folder's or file's name, without .safetensors.
std::string NameOf(const std::string& path) {
  const std::string name = LastName(path);
  constexpr std::string_view kEnding = ".safetensors";
  return name.ends_with(kEnding) ? name.substr(0, name.size() - kEnding.size()) : name;
}

std::string SamplerName(const std::string& sampler) {
  const auto* const member = AnySampler::Members().Find(sampler);
  if (member == nullptr || member->web_ui.empty()) return sampler;
  return std::string(member->web_ui);
}

// sgm's levels but for the fraction of a time step; Karras's with the WebUI's own numbers.
std::string ScheduleType(const SamplingConfig& sampling) {
  const SamplingConfig defaults;
  if (sampling.discretization == "legacy_ddpm" || sampling.discretization == "trailing")
    return "SGM Uniform";
  const bool karras = sampling.discretization == "edm" && sampling.rho == 7 &&
                      sampling.sigma_min == defaults.sigma_min &&
                      sampling.sigma_max == defaults.sigma_max;
  return karras ? "Karras" : "";
}

}  // namespace

std::string WebUiLoraHash(const std::string& lora) {
  const auto found = FindAdapter(lora);
  if (!found.ok() || found->weights.All().size() != 1) return "";
  const std::string path = found->weights.All().front();
  const auto file = SafetensorsFile::Open(path);
  if (!file.ok()) return "";
  const auto own = (*file)->metadata().find("sshs_model_hash");
  if (own != (*file)->metadata().end()) return own->second.substr(0, kLoraDigits);
  const auto hash = Sha256OfFile(path, nullptr, (*file)->data_begin());
  return hash.ok() ? hash->substr(0, kLoraDigits) : "";
}

std::vector<WebUiLora> WebUiLorasOf(const AnnealConfig& config) {
  std::vector<WebUiLora> loras;
  for (const LoraArgument& lora : ParseLoraArguments(config.lora))
    loras.push_back({NameOf(lora.path), WebUiLoraHash(lora.path)});
  return loras;
}

WebUiModels WebUiModelsOf(const AnnealConfig& config, const RunIdentity& used,
                          const std::vector<WebUiLora>& loras) {
  WebUiModels models{.model = NameOf(config.model)};
  std::error_code error;
  const bool one_file = fs::is_regular_file(config.model, error);
  for (const auto& [role, hash] : used.inputs) {
    if (one_file && absl::StartsWith(role, "model/"))
      models.model_hash = hash.substr(0, kModelDigits);
    if (!absl::StartsWith(role, "fine-tuned/")) continue;
    models.tuned = config.tuned.empty() ? "" : NameOf(config.tuned);
    models.loras = loras;
  }
  return models;
}

std::string WebUiText(const ImageRecord& record, const SamplingConfig& sampling, ImageSize size,
                      const WebUiModels& models) {
  std::string details;
  const auto add = [&details](const char* key, const std::string& value) {
    if (value.empty()) return;
    absl::StrAppend(&details, details.empty() ? "" : ", ", key, ": ", QuotedValue(value));
  };
  add("Steps", absl::StrCat(sampling.steps));
  add("Sampler", SamplerName(sampling.sampler));
  add("Schedule type", ScheduleType(sampling));
  add("CFG scale", absl::StrFormat("%g", sampling.guided() ? sampling.guidance_scale : 1.0));
  add("Seed", absl::StrCat(record.seed));
  add("Size", absl::StrCat(size.width, "x", size.height));
  add("Model hash", models.model_hash);
  add("Model", models.model);
  std::string hashes;
  for (const WebUiLora& lora : models.loras) {
    if (lora.hash.empty()) continue;
    absl::StrAppend(&hashes, hashes.empty() ? "" : ", ", lora.name, ": ", lora.hash);
  }
  add("Lora hashes", hashes);
  add("Tuned model", models.tuned);
  add("Blend", record.weight_type);
  add("Version", absl::StrCat("draftp ", kVersion));
  std::string text = record.prompt;
  if (!record.negative_prompt.empty())
    absl::StrAppend(&text, "\nNegative prompt: ", record.negative_prompt);
  absl::StrAppend(&text, "\n", details);
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace draftp
