#include "draftp/train/train_folder.h"

#include <absl/strings/str_cat.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "draftp/config/config_path.h"
#include "draftp/io/printable.h"
#include "draftp/run/earlier_run.h"
#include "draftp/run/exit_code.h"
#include "draftp/train/checkpoint.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;
using Identity = std::function<absl::StatusOr<RunIdentity>()>;

constexpr char kDefaultFolder[] = "draftp_train";

std::string Shown(const std::string& path) { return Printable(path, 1000); }

// What a folder is to this run.
struct Contents {
  enum class Kind { kFree, kUnfinished, kFinished, kOther } kind = Kind::kFree;
  std::optional<ResumePoint> newest;  // of its checkpoints, with what differs
  std::string why;                    // of kOther
};

absl::StatusOr<ResumePoint> ReadResumePoint(const std::string& folder, const Identity& identity) {
  auto record = ReadCheckpointRecord(folder);
  if (!record.ok()) return AsFailure(record.status());
  const auto own = identity();
  if (!own.ok()) return own.status();
  std::vector<std::string> differences =
      record->identity ? Differences(*record->identity, *own)
                       : std::vector<std::string>{"it tells no hashes of what made it"};
  return ResumePoint{folder, *std::move(record), std::move(differences)};
}

absl::StatusOr<Contents> Look(const TrainConfig& config, const std::string& dir,
                              const Identity& identity) {
  const std::vector<CheckpointFolder> checkpoints = ListCheckpoints(dir);
  if (!checkpoints.empty()) {
    auto newest = ReadResumePoint(checkpoints.back().path, identity);
    if (!newest.ok()) return newest.status();
    Contents contents{.kind = newest->record.state.step < config.max_steps
                                  ? Contents::Kind::kUnfinished
                                  : Contents::Kind::kFinished,
                      .newest = *std::move(newest),
                      .why = ""};
    if (contents.newest->differences.empty()) return contents;
    contents.kind = Contents::Kind::kOther;
    contents.why = FirstOf(contents.newest->differences);
    return contents;
  }
  const auto earlier = ReadEarlierRun(dir);
  if (!earlier) return Contents{};
  Contents other{.kind = Contents::Kind::kOther, .newest = std::nullopt, .why = ""};
  if (earlier->program != "train") {
    other.why = earlier->program.empty() ? "no run.json tells which" : "it drew pictures";
    return other;
  }
  const auto own = identity();
  if (!own.ok()) return own.status();
  const std::vector<std::string> differences =
      earlier->identity ? Differences(*earlier->identity, *own)
                        : std::vector<std::string>{"its run.json tells no hashes"};
  if (differences.empty()) return Contents{};
  other.why = FirstOf(differences);
  return other;
}

absl::Status Refused(const std::string& dir, const Contents& contents) {
  if (contents.newest) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--resume: found a checkpoint of another run, ", Shown(contents.newest->folder), " (",
        contents.why,
        "), expected another --output_dir, or --resume_changed to go on all the same"));
  }
  return absl::InvalidArgumentError(absl::StrCat("--output_dir: found another run's results in ",
                                                 Shown(dir), " (", contents.why,
                                                 "), expected another folder"));
}

// The folder for a typed or chosen name: with the point from which the run goes on.
absl::StatusOr<TrainFolder> Enter(const TrainConfig& config, OutputFolder folder, Contents contents,
                                  const Identity& identity) {
  if (contents.kind == Contents::Kind::kOther && !(contents.newest && config.resume_changed))
    return Refused(folder.path(), contents);
  TrainFolder entered{std::move(folder), std::nullopt};
  if (config.resume == "none" && contents.newest) {
    return absl::InvalidArgumentError(
        absl::StrCat("--resume: found none, and checkpoints in ", Shown(entered.folder.path()),
                     ", expected auto, to go on from them, or another --output_dir"));
  }
  if (config.resume == "auto" || config.resume == "none") {
    entered.resume = std::move(contents.newest);
    return entered;
  }
  auto point = ReadResumePoint(config.resume, identity);
  if (!point.ok()) return point.status();
  if (!point->differences.empty() && !config.resume_changed) {
    return Refused(entered.folder.path(), {.newest = *point, .why = FirstOf(point->differences)});
  }
  if (contents.newest && point->record.state.step < contents.newest->record.state.step) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--resume: found step ", point->record.state.step, ", and the later checkpoint ",
        Shown(contents.newest->folder), ", expected another --output_dir"));
  }
  entered.resume = *std::move(point);
  return entered;
}

// The number of the default folder that fits best.
int ChooseNumber(const TrainConfig& config, const std::string& base, const Identity& identity) {
  int finished = 0, free = 0;
  for (int number = 1;; ++number) {
    const std::string dir = NumberedFolder(base, number);
    std::error_code error;
    if (!fs::exists(dir, error)) {
      if (finished > 0) return finished;
      return free > 0 ? free : number;
    }
    const auto contents = Look(config, dir, identity);
    if (!contents.ok()) continue;  // torn: neither ours nor free
    if (contents->kind == Contents::Kind::kUnfinished) return number;
    if (contents->kind == Contents::Kind::kFinished && finished == 0) finished = number;
    if (contents->kind == Contents::Kind::kFree && free == 0) free = number;
  }
}

}  // namespace

absl::StatusOr<TrainFolder> OpenTrainFolder(const TrainConfig& config, const Identity& identity) {
  const auto user = UserFolder();
  if (!user.ok()) return user.status();
  const std::string base = AbsolutePath(kDefaultFolder, *user);
  const bool typed = !config.output_dir.empty();
  int number = 1;
  if (!typed && !config.resume_changed) number = ChooseNumber(config, base, identity);
  for (;; ++number) {
    const std::string dir = typed ? config.output_dir : NumberedFolder(base, number);
    auto folder = OutputFolder::Open(dir);
    if (!typed && absl::IsFailedPrecondition(folder.status())) continue;  // a run is in it
    if (!folder.ok()) return folder.status();
    auto contents = Look(config, dir, identity);
    if (!typed && contents.ok() && contents->kind == Contents::Kind::kOther &&
        !config.resume_changed) {
      continue;
    }
    if (!contents.ok()) return contents.status();
    return Enter(config, *std::move(folder), *std::move(contents), identity);
  }
}

absl::Status CheckTrainInputs(const TrainConfig& config, const std::vector<InputFile>& inputs,
                              const std::string& dir) {
  std::vector<InputFile> files = inputs;
  for (const auto* list : {&config.prompts, &config.validation_prompts}) {
    for (const std::string& path : *list) files.push_back({"captions", path});
  }
  return CheckInputsLieElsewhere(
      files, dir,
      {"pytorch_lora_weights.safetensors", "unet", "ema", "best", "checkpoints", "adapters",
       "validation", "tensorboard", "log.jsonl", "validation.jsonl", "report.html", "run.json",
       "README.md", "kohya_lora.safetensors", "nonfinite_step.safetensors"});
}

}  // namespace draftp
