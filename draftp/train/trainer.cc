#include "draftp/train/trainer.h"

#include <ATen/Context.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "draftp/io/atomic_folder.h"
#include "draftp/run/earlier_run.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/progress.h"
#include "draftp/run/run_record.h"
#include "draftp/sdxl/recorded_config.h"
#include "draftp/train/train_folder.h"
#include "draftp/train/train_identity.h"
#include "draftp/train/training_log.h"
#include "draftp/train/training_plan.h"
#include "draftp/train/training_run.h"
#include "draftp/train/training_setup.h"

namespace draftp {
namespace {

using Identity = std::function<absl::StatusOr<RunIdentity>()>;

// Settings that differ from the checkpoint's and change no more than rounding, a line each.
std::vector<std::string> RoundingNotices(const CheckpointRecord& record,
                                         const TrainConfig& config) {
  const nlohmann::ordered_json now = RecordedConfig(TrainTable(), config);
  std::vector<std::string> notices;
  for (const char* key : {"device", "micro_batch_size", "cuda_graph", "deterministic"}) {
    if (!record.config.contains(key) || record.config.at(key) == now.at(key)) continue;
    notices.push_back(absl::StrCat("--", key, " was ", record.config.at(key).dump(), ", is ",
                                   now.at(key).dump(), ": the same up to rounding"));
  }
  return notices;
}

// Whether a run has left all its results at the step that it is to reach.
bool IsFinished(const TrainConfig& config, const ResumePoint& point) {
  const auto earlier = ReadEarlierRun(config.output_dir);
  if (!earlier || !earlier->result.is_object() || point.record.state.step < config.max_steps)
    return false;
  const std::string weights = config.full() ? "/unet" : "/pytorch_lora_weights.safetensors";
  std::error_code error;
  return earlier->result.value("ended", nlohmann::json()) == "finished" &&
         std::filesystem::exists(config.output_dir + weights, error);
}

std::string LastLine(const TrainConfig& config, const RunStatus& status) {
  std::string line = absl::StrCat(DescribeStatus(status), ": ",
                                  config.full() ? "unet/" : "pytorch_lora_weights.safetensors",
                                  " and report.html in ", config.output_dir);
  if (status.best_step) {
    absl::StrAppend(&line, "; best validation reward ", *status.best_reward, " after step ",
                    *status.best_step, ", in best/");
  }
  return line;
}

// From the point that the run goes on from, if any, to its end.
absl::Status Train(const TrainConfig& config, TrainingSetup& setup, TrainFolder& entered,
                   StopRequest& stop, InputHashes& hashes, const Identity& identity, double begin,
                   Notices& log) {
  RunRecord record("train", RecordedConfig(TrainTable(), config), config.output_dir, setup.device);
  const Identity told = [&] {
    auto known = identity();
    if (known.ok()) {
      record.SetIdentity(*known);
      record.SetWeights(hashes.files(), known->inputs);
    }
    return known;
  };
  TrainingRun run(config, setup, entered.folder, stop, record, told);
  if (entered.resume) {
    std::vector<std::string> notices = RoundingNotices(entered.resume->record, config);
    if (absl::Status resumed = run.Resume(*entered.resume, notices); !resumed.ok()) return resumed;
    for (const std::string& notice : notices) log.Note(notice);
    if (const auto known = told(); !known.ok()) return known.status();
  }
  absl::Status tidied = entered.folder.Tidy(
      {"checkpoints", "validation", "tensorboard", "unet", "ema", "ema/unet", "best", "best/unet"});
  if (!tidied.ok()) return tidied;
  RemoveLeftFolders(config.output_dir + "/checkpoints", "step_");
  record.SetSeconds("load", Progress::WallSeconds() - begin);
  if (absl::Status written = record.Write(); !written.ok()) return written;
  auto training_log = TrainingLog::Open(log, {.output_dir = config.output_dir,
                                              .first_step = run.Status().step,
                                              .max_steps = config.max_steps,
                                              .settings = TrainTable().Print(config)});
  if (!training_log.ok()) return training_log.status();
  log.Say(DescribeTraining(config, setup));
  const StopRequest::Run running(stop);
  if (absl::Status looped = run.Loop(*training_log); !looped.ok()) {
    run.Fail(looped);
    return looped;
  }
  if (absl::Status closed = training_log->Close(); !closed.ok()) return closed;
  log.Result(LastLine(config, run.Status()));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, std::ostream& log,
                         bool terminal) {
  Notices notices(log, {.program = "train", .terminal = terminal});
  return RunTraining(config, stop, notices);
}

absl::Status RunTraining(const TrainConfig& given, StopRequest& stop, Notices& log) {
  const double begin = Progress::WallSeconds();
  TrainConfig config = given;
  const auto device = ChooseDevice(config.device, config.dtype);
  if (!device.ok()) return device.status();
  if (!device->notice.empty()) log.Warn("computing on the CPU: " + device->notice);
  if (config.deterministic) at::globalContext().setDeterministicAlgorithms(true, false);
  const auto warn = [&log](const std::string& line) { log.WarnEach(CutCaptions(), line); };
  InputHashes hashes(config.dry_run != "off" ? std::vector<InputFile>{} : TrainInputs(config));
  auto setup = TrainingSetup::Make(config, *device, warn);
  if (!setup.ok()) return setup.status();
  if (config.dry_run != "off") {
    std::ostringstream text;
    const absl::Status status = DryRunTraining(config, *setup, text);
    log.Result(text.str());
    return status;
  }
  std::optional<RunIdentity> own;  // made once: captions may be many
  const Identity identity = [&]() -> absl::StatusOr<RunIdentity> {
    const auto& known = hashes.Get();
    if (!known.ok()) return known.status();
    if (!own) own = TrainIdentity(config, setup->captions, DtypeName(*device), *known);
    return *own;
  };
  auto entered = OpenTrainFolder(config, identity);
  if (!entered.ok()) return entered.status();
  config.output_dir = entered->folder.path();
  if (absl::Status elsewhere = CheckTrainInputs(config, hashes.files(), config.output_dir);
      !elsewhere.ok()) {
    return elsewhere;
  }
  if (entered->resume && IsFinished(config, *entered->resume)) {
    log.Result(absl::StrCat("nothing to train: the run in ", config.output_dir,
                            " has reached step ", entered->resume->record.state.step,
                            " of --max_steps ", config.max_steps,
                            " before; more --max_steps go on, another --output_dir begins anew"));
    return absl::OkStatus();
  }
  if (const std::string warning = entered->folder.Warning(); !warning.empty()) log.Warn(warning);
  return Train(config, *setup, *entered, stop, hashes, identity, begin, log);
}

}  // namespace draftp
