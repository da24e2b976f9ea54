#include "draftp/evaluate/evaluation_folder.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <set>

#include "draftp/config/config_path.h"
#include "draftp/config/config_row.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/printable.h"
#include "draftp/run/earlier_run.h"

namespace draftp {
namespace {

constexpr char kDefaultFolder[] = "evaluation";

const std::set<std::string>& UndecidingKeys() {
  static const auto* const keys = new std::set<std::string>{
      "model",       "lora",         "checkpoints",     "tuned",      "unet",
      "vae",         "text_encoder", "text_encoder_2",  "tokenizer",  "tokenizer_2",
      "weight_type", "lora_scale",   "pictures",        "reward",     "validation_reward",
      "embedding",   "resamples",    "least_diversity", "prompt",     "prompts",
      "max_prompts", "batch_size",   "device",          "dtype",      "decoder",
      "memory",      "nproc",        "timeout",         "output_dir", "overwrite"};
  return *keys;
}

// Why the folder isn't this evaluation's; empty where it is, or is free.
std::string WhyOther(const std::string& dir, const RunIdentity& identity) {
  const auto earlier = ReadEarlierRun(dir);
  if (!earlier) return "";
  if (earlier->program != "evaluate")
    return earlier->program.empty() ? "no run.json tells which" : "of " + earlier->program;
  if (!earlier->identity) return "its run.json tells no settings";
  RunIdentity before = *earlier->identity;
  std::erase_if(before.inputs, [](const auto& input) { return input.first != "prompts"; });
  const std::vector<std::string> differences = Differences(before, identity);
  return differences.empty() ? "" : FirstOf(differences);
}

}  // namespace

RunIdentity EvaluationIdentity(const EvaluateConfig& config,
                               const std::vector<std::string>& prompts) {
  RunIdentity identity;
  for (const auto& [key, value] : EvaluateTable().Print(config)) {
    if (Draws(config) && !UndecidingKeys().contains(key)) identity.settings[key] = PlainText(value);
  }
  identity.inputs["prompts"] = Sha256OfText(absl::StrJoin(prompts, std::string(1, '\0')));
  return identity;
}

absl::StatusOr<OutputFolder> OpenEvaluationFolder(const EvaluateConfig& config,
                                                  const RunIdentity& identity) {
  const bool typed = !config.output_dir.empty();
  const auto user = UserFolder();
  if (!user.ok()) return user.status();
  for (int number = 1;; ++number) {
    const std::string dir =
        typed ? config.output_dir : NumberedFolder(AbsolutePath(kDefaultFolder, *user), number);
    auto folder = OutputFolder::Open(dir);
    if (!typed && absl::IsFailedPrecondition(folder.status())) continue;  // a run is in it
    if (!folder.ok()) return folder.status();
    const std::string why = WhyOther(dir, identity);
    if (why.empty() || config.overwrite) return folder;
    if (typed) {
      return absl::InvalidArgumentError(
          absl::StrCat("--output_dir: found another run's results in ", Printable(dir, 1000), " (",
                       why, "), expected another folder, or --overwrite"));
    }
  }
}

std::string PicturesDir(const std::string& output_dir, const EvaluationRun& run) {
  return absl::StrCat(output_dir, "/pictures", run.name.empty() ? "" : "/", run.name);
}

}  // namespace draftp
