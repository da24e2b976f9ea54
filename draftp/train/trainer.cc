#include "draftp/train/trainer.h"

#include <ATen/Context.h>
#include <absl/strings/str_cat.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "draftp/config/config_row.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/count.h"
#include "draftp/run/earlier_run.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/progress.h"
#include "draftp/run/run_record.h"
#include "draftp/sdxl/recorded_config.h"
#include "draftp/shard/rank_device.h"
#include "draftp/shard/same_run.h"
#include "draftp/shard/shared_folder.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/step_batches.h"
#include "draftp/train/train_folder.h"
#include "draftp/train/train_identity.h"
#include "draftp/train/training_log.h"
#include "draftp/train/training_memory.h"
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
  for (const char* key : {"device", "reward_device", "micro_batch_size", "cuda_graph",
                          "deterministic", "sharding", "shard_frozen", "nproc"}) {
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

// What a training run knows of itself before its first step.
struct Started {
  TrainConfig config;
  TrainingSetup& setup;
  StopRequest& stop;
  World& world;
  InputHashes& hashes;
  Identity identity;
  double begin;
};

// Where all ranks go on from, and rank 0's folder.
struct Entered {
  std::optional<OutputFolder> folder;
  std::optional<ResumePoint> resume;
};

// Rank 0 enters the folder; the others hear where it is and from which checkpoint the run goes on.
absl::StatusOr<Entered> Enter(Started& run) {
  Entered entered;
  absl::Status opened = absl::OkStatus();
  if (run.world.first()) {
    auto own = OpenTrainFolder(run.config, run.identity);
    opened = own.status();
    if (own.ok()) {
      entered.folder.emplace(std::move(own->folder));
      entered.resume = std::move(own->resume);
    }
  }
  if (absl::Status agreed = run.world.Agree("the output folder", opened); !agreed.ok())
    return agreed;
  run.config.output_dir =
      run.world.FirstText("the output folder", entered.folder ? entered.folder->path() : "");
  if (absl::Status shared = CheckFolderIsShared(run.config.output_dir, run.world); !shared.ok())
    return shared;
  const std::string from =
      run.world.FirstText("the checkpoint", entered.resume ? entered.resume->folder : "");
  absl::Status read = absl::OkStatus();
  if (!run.world.first() && !from.empty()) {
    auto record = ReadCheckpointRecord(from);
    read = record.status();
    if (record.ok()) entered.resume = ResumePoint{from, *std::move(record), {}};
  }
  if (absl::Status agreed = run.world.Agree("the checkpoint", read); !agreed.ok()) return agreed;
  return entered;
}

absl::Status Tidy(const Started& run, OutputFolder& folder) {
  absl::Status tidied = folder.Tidy({"checkpoints", "adapters", "validation", "tensorboard", "unet",
                                     "ema", "ema/unet", "best", "best/unet"});
  if (tidied.ok()) RemoveLeftFolders(run.config.output_dir + "/checkpoints", "step_");
  return tidied;
}

// The loop on rank 0.
absl::Status Lead(Started& started, OutputFolder& folder, TrainingRun& run, RunRecord& record,
                  const Identity& identity, Notices& log) {
  absl::Status ready = Tidy(started, folder);
  record.SetSeconds("load", Progress::WallSeconds() - started.begin);
  if (ready.ok()) ready = record.Write();
  if (!ready.ok()) return ready;
  auto training_log = TrainingLog::Open(log, {.output_dir = started.config.output_dir,
                                              .first_step = run.Status().step,
                                              .max_steps = started.config.max_steps,
                                              .settings = TrainTable().Print(started.config)});
  if (!training_log.ok()) return training_log.status();
  log.Say(DescribeTraining(started.config, started.setup));
  const StopRequest::Run running(started.stop);
  TrainingOutput output(started.config, *started.setup.model, folder, record, *training_log,
                        identity);
  if (absl::Status looped = run.Loop(&output); !looped.ok()) {
    run.Fail(looped);
    return looped;
  }
  if (absl::Status closed = training_log->Close(); !closed.ok()) return closed;
  log.Result(LastLine(started.config, run.Status()));
  return absl::OkStatus();
}

// A host is where a rank is the first of its own; hosts may have different numbers of them.
absl::Status CheckHosts(const TrainConfig& config, World& world) {
  const std::vector<std::string> first =
      world.GatherTexts("the number of hosts", world.info().local_rank == 0 ? "first" : "");
  const auto hosts = std::ranges::count(first, "first");
  if (config.num_nodes == 0 || config.num_nodes == hosts) return absl::OkStatus();
  const absl::Status other = absl::InvalidArgumentError(
      absl::StrCat("--num_nodes: found processes on ", Count(hosts, "host"), ", expected ",
                   config.num_nodes, ": torchrun, srun or mpirun start them"));
  return world.Agree("the number of hosts", world.first() ? other : absl::OkStatus());
}

absl::Status PlaceOnRank(const TrainConfig& config, const World& world, ComputeDevice& device) {
  if (world.size() > 1 && !config.reward_device.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--reward_device: found ", world.size(),
                                                   " processes, expected one: the others have "
                                                   "their own GPUs"));
  }
  return PlaceReward(config.reward_device, device);
}

// From the point that the run goes on from, if any, to its end.
absl::Status Train(Started& started, Entered& entered, Notices& log) {
  RunRecord record("train", RecordedConfig(TrainTable(), started.config), started.config.output_dir,
                   started.setup.device);
  const Identity told = [&] {
    auto known = started.identity();
    if (known.ok()) {
      record.SetIdentity(*known);
      record.SetWeights(started.hashes.files(), known->inputs);
    }
    return known;
  };
  TrainingRun run(started.config, started.setup, started.stop, started.world);
  if (entered.resume) {
    std::vector<std::string> notices = RoundingNotices(entered.resume->record, started.config);
    absl::Status resumed = started.world.Agree("resume", run.Resume(*entered.resume, notices));
    if (!resumed.ok()) return resumed;
    for (const std::string& notice : notices) log.Note(notice);
    if (const auto known = told(); !known.ok()) return known.status();
  }
  if (entered.folder) return Lead(started, *entered.folder, run, record, told, log);
  const StopRequest::Run running(started.stop);
  return run.Loop(nullptr);
}

absl::Status CheckSameRun(const Started& run) {
  static const std::vector<std::string> kOwn = {"device",     "nproc",  "timeout",
                                                "output_dir", "resume", "quiet"};
  absl::Status same = CheckSameSettings(TrainTable().Print(run.config), kOwn, run.world);
  if (!same.ok() || run.world.size() == 1) return same;
  const auto identity = run.identity();
  absl::Status known = run.world.Agree("the hashes of inputs", identity.status());
  return known.ok() ? CheckSameIdentity(*identity, run.world) : known;
}

}  // namespace

absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, std::ostream& log,
                         bool terminal) {
  Notices notices(log, {.program = "train", .terminal = terminal});
  return RunTraining(config, stop, notices);
}

absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, Notices& log) {
  World alone;
  return RunTraining(config, stop, log, alone);
}

absl::Status RunTraining(const TrainConfig& given, StopRequest& stop, Notices& log, World& world) {
  const double begin = Progress::WallSeconds();
  const TrainConfig& config = given;
  if (absl::Status hosts = CheckHosts(config, world); !hosts.ok()) return hosts;
  const auto own_device = RankDevice(config.device, world.info());
  if (!own_device.ok()) return own_device.status();
  auto device = ChooseDevice(*own_device, config.dtype);
  if (!device.ok()) return device.status();
  if (absl::Status placed = PlaceOnRank(config, world, *device); !placed.ok()) return placed;
  if (!device->notice.empty()) log.Warn("computing on the CPU: " + device->notice);
  if (!device->is_cuda() && config.memory != TrainConfig().memory && world.first())
    log.Note(OnlyOfAGpu("--memory"));
  if (absl::Status divides = CheckShare(config, world.size()); !divides.ok()) return divides;
  const std::string idle = IdleGpusNotice(world.info(), device->is_cuda() && !device->placed());
  if (!idle.empty()) log.Note(idle);
  if (device->is_cuda()) {
    if (absl::Status joined = world.UseGpu(); !joined.ok()) return joined;
  }
  if (config.deterministic) at::globalContext().setDeterministicAlgorithms(true, false);
  const auto warn = [&log](const std::string& line) { log.WarnEach(CutCaptions(), line); };
  InputHashes hashes(config.dry_run != "off" ? std::vector<InputFile>{} : TrainInputs(config));
  auto setup = TrainingSetup::Make(config, *device, warn);
  if (!setup.ok()) return setup.status();
  if (world.first()) {
    for (const std::string& notice : setup->notices) log.Note(notice);
  }
  if (config.dry_run != "off") {
    std::ostringstream text;
    const absl::Status status = DryRunTraining(config, *setup, world, text);
    if (world.first()) log.Result(text.str());
    return status;
  }
  std::optional<RunIdentity> own;  // made once: captions may be many
  Started run{config, *setup, stop, world, hashes, {}, begin};
  run.identity = [&]() -> absl::StatusOr<RunIdentity> {
    const auto& known = hashes.Get();
    if (!known.ok()) return known.status();
    if (!own) own = TrainIdentity(config, setup->captions, DtypeName(*device), *known);
    return *own;
  };
  if (absl::Status same = CheckSameRun(run); !same.ok()) return same;
  auto entered = Enter(run);
  if (!entered.ok()) return entered.status();
  absl::Status elsewhere = CheckTrainInputs(run.config, hashes.files(), run.config.output_dir);
  if (!elsewhere.ok()) return world.Agree("the inputs' places", elsewhere);
  const bool finished = entered->resume && IsFinished(run.config, *entered->resume);
  if (world.Any("whether it has finished", world.first() && finished)) {
    if (!world.first()) return absl::OkStatus();
    log.Result(absl::StrCat("nothing to train: the run in ", run.config.output_dir,
                            " has reached step ", entered->resume->record.state.step,
                            " of --max_steps ", run.config.max_steps,
                            " before; more --max_steps go on, another --output_dir begins anew"));
    return absl::OkStatus();
  }
  if (entered->folder) {
    if (const std::string warning = entered->folder->Warning(); !warning.empty()) log.Warn(warning);
  }
  try {
    return Train(run, *entered, log);
  } catch (const c10::OutOfMemoryError& error) {
    return OutOfGpuMemory(error, WhatTrainsInLess(config, world.size()));
  }
}

}  // namespace draftp
