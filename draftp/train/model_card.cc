#include "draftp/train/model_card.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "draftp/io/atomic_file.h"
#include "draftp/io/last_name.h"
#include "draftp/io/read_file.h"
#include "draftp/version.h"

namespace draftp {
namespace {

constexpr char kMark[] = "Written by draftp";

// "ORG/NAME" of a path through the hub's cache, models--ORG--NAME/snapshots/..., else empty.
std::string HubName(const std::string& path) {
  constexpr char kFront[] = "models--";
  for (const auto& part : std::filesystem::path(path)) {
    const std::string name = part.string();
    if (!absl::StartsWith(name, kFront)) continue;
    return absl::StrReplaceAll(name.substr(sizeof kFront - 1), {{"--", "/"}});
  }
  return "";
}

// A text as YAML takes it: JSON is YAML.
std::string Yaml(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string FrontMatter(const TrainConfig& config, const std::string& sheet) {
  std::string text = "---\nlibrary_name: diffusers\n";
  if (const std::string base = HubName(config.model); !base.empty())
    absl::StrAppend(&text, "base_model: ", Yaml(base), "\n");
  absl::StrAppend(&text, "tags:\n- text-to-image\n- diffusers\n- stable-diffusion-xl\n",
                  "- stable-diffusion-xl-diffusers\n- draft-plus\n");
  if (!config.full()) absl::StrAppend(&text, "- lora\n- template:sd-lora\n");
  if (!sheet.empty()) {
    absl::StrAppend(
        &text, "widget:\n- text: ", Yaml("validation prompts: the fine-tuned model above the base"),
        "\n  output:\n    url: ", sheet, "\n");
  }
  return absl::StrCat(text, "---\n");
}

std::string Files(const TrainConfig& config) {
  if (config.full()) return "- `unet/`: the whole UNet in diffusers' layout, float32\n";
  return "- `pytorch_lora_weights.safetensors`: for diffusers and peft\n"
         "- `kohya_lora.safetensors`: the same for ComfyUI, A1111, Forge, InvokeAI and "
         "sd-scripts\n";
}

std::string Use(const TrainConfig& config) {
  const std::string base = HubName(config.model);
  const std::string model = Yaml(base.empty() ? LastName(config.model) : base);
  std::string text = absl::StrCat("```python\nfrom diffusers import StableDiffusionXLPipeline",
                                  config.full() ? ", UNet2DConditionModel" : "",
                                  "\n\npipe = StableDiffusionXLPipeline.from_pretrained(", model);
  if (config.full()) {
    absl::StrAppend(&text,
                    ", unet=UNet2DConditionModel.from_pretrained(\".\", subfolder=\"unet\"))\n");
  } else {
    absl::StrAppend(
        &text,
        ")\npipe.load_lora_weights(\".\", weight_name=\"pytorch_lora_weights.safetensors\")\n");
  }
  return absl::StrCat(text, "```\n");
}

}  // namespace

std::string ModelCard(const TrainConfig& config, const RunStatus& status,
                      const std::string& sheet) {
  std::string text = FrontMatter(config, sheet);
  absl::StrAppend(&text, "\n# ", LastName(config.output_dir), "\n\n");
  if (!sheet.empty())
    absl::StrAppend(&text,
                    "<Gallery />\n\n![Validation prompts: the fine-tuned model above the base](",
                    sheet, ")\n\n");
  absl::StrAppend(&text, "## Model description\n\n",
                  status.trained.empty() ? "Weights" : status.trained, " for ",
                  LastName(config.model), ", trained with DRaFT+ (", config.objective, ") on ",
                  config.reward.size() == 1 ? "a reward" : "rewards", ": ");
  for (size_t i = 0; i < config.reward.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "",
                    LastName(config.reward[i].substr(0, config.reward[i].find(':'))));
  }
  absl::StrAppend(&text, ". ", DescribeStatus(status), ".\n\n## Trigger words\n\n",
                  "None: it acts on every prompt.\n\n## Files\n\n", Files(config), "\n## Use\n\n",
                  Use(config), "\n", kMark, " ", kVersion, "; `run.json` has all settings.\n");
  return text;
}

absl::Status WriteModelCard(const TrainConfig& config, const RunStatus& status,
                            const std::string& sheet) {
  const std::string path = config.output_dir + "/README.md";
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    constexpr int64_t kLargest = 1 << 20;
    const auto there = ReadFile(path, kLargest);
    if (!there.ok() || !absl::StrContains(*there, kMark)) return absl::OkStatus();
  }
  return WriteFileAtomically(path, ModelCard(config, status, sheet));
}

}  // namespace draftp
