#include "draftp/anneal/anneal_bundle.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "draftp/config/config_row.h"
#include "draftp/data/captions.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

constexpr int64_t kBundlePrompts = 8;

// What comes through a pipe comes once: the prompts themselves stand in the config, which then
// repeats the run.
absl::Status TakeStreamedPrompts(AnnealConfig& config) {
  if (!config.prompt.empty() || !std::ranges::any_of(config.prompts, IsStream))
    return absl::OkStatus();
  auto prompts = ReadCaptions(absl::StrJoin(config.prompts, ","), EmptyCaptions::kKeep);
  if (!prompts.ok()) return absl::DataLossError(prompts.status().message());
  const auto most = static_cast<size_t>(config.max_prompts);
  if (most > 0 && prompts->captions.size() > most) prompts->captions.resize(most);
  config.prompt = std::move(prompts->captions);
  config.prompts.clear();
  config.max_prompts = 0;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AnnealConfig> ResolveBundle(AnnealConfig config, const std::string& embedded_dir) {
  if (absl::Status status = ValidateAnnealConfig(config); !status.ok()) return status;
  const bool has_adapter =
      !config.lora.empty() || !config.tuned.empty() || !config.explicit_log_dir.empty();
  if (absl::Status read = TakeStreamedPrompts(config); !read.ok()) return read;
  const bool has_prompts = !config.prompt.empty() || !config.prompts.empty();
  if (config.model.empty()) {
    if (embedded_dir.empty())
      return InvalidFlag("model", "none, and no embedded model", "a folder");
    config.model = embedded_dir;
    if (!has_adapter) config.lora = {embedded_dir + "/lora"};
    if (!has_prompts) {
      config.prompts = {embedded_dir + "/prompts/validation.txt"};
      if (config.max_prompts == 0) config.max_prompts = kBundlePrompts;
    }
    return config;
  }
  for (const std::string& type : config.weight_type) {
    if (has_adapter || type == "base") continue;
    return InvalidFlag(
        "weight_type", Quoted(type, 60) + " without a fine-tuned model",
        "--lora, --tuned or --explicit_log_dir beside --model, or --weight_type base");
  }
  if (!has_prompts) return InvalidFlag("prompt", "none", "--prompt or --prompts beside --model");
  return config;
}

}  // namespace draftp
