#include "draftp/anneal/anneal.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "draftp/anneal/anneal_dry_run.h"
#include "draftp/anneal/anneal_folder.h"
#include "draftp/anneal/anneal_identity.h"
#include "draftp/anneal/anneal_memory.h"
#include "draftp/anneal/anneal_model.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/anneal/anneal_prepare.h"
#include "draftp/anneal/anneal_ranks.h"
#include "draftp/anneal/anneal_run.h"
#include "draftp/anneal/anneal_summary.h"
#include "draftp/anneal/image_output.h"
#include "draftp/config/config_path.h"
#include "draftp/io/count.h"
#include "draftp/run/compute_device.h"
#include "draftp/run/earlier_run.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/notices.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/progress.h"
#include "draftp/run/run_record.h"
#include "draftp/sdxl/recorded_config.h"
#include "draftp/sdxl/sampling_setup.h"
#include "draftp/sdxl/unused_tensors.h"
#include "draftp/shard/rank_device.h"
#include "draftp/shard/same_run.h"
#include "draftp/shard/shared_folder.h"

namespace draftp {
namespace {

constexpr char kDefaultFolder[] = "annealed_outputs";

// `typed`, or the first of annealed_outputs, annealed_outputs_2, ... from `number` on that no other
// run has.
absl::StatusOr<OutputFolder> OpenFolder(const std::string& typed, int& number) {
  if (!typed.empty()) return OutputFolder::Open(typed);
  const auto user = UserFolder();
  if (!user.ok()) return user.status();
  for (;; ++number) {
    auto folder = OutputFolder::Open(NumberedFolder(AbsolutePath(kDefaultFolder, *user), number));
    if (folder.ok() || !absl::IsFailedPrecondition(folder.status())) return folder;
  }
}

// What an annealing run knows of itself before it draws.
struct Setting {
  AnnealConfig config;
  AnnealPlan plan;
  ComputeDevice device;
  const AnnealModel& model;
  InputHashes& hashes;

  std::map<std::string, std::string> settings() const {
    return PictureSettings(config, plan, model.size, device);
  }
  absl::StatusOr<RunIdentity> Identity() const {
    const auto& known = hashes.Get();
    if (!known.ok()) return known.status();
    return AnnealIdentity(config, plan, settings(), *known);
  }
  // Identity with what `blends` evaluate alone.
  RunIdentity UsedBy(const std::vector<Blend>& blends, RunIdentity identity) const {
    std::erase_if(identity.inputs, [&](const auto& input) {
      return !IsUsed(input.first, blends, model.schedule, !config.tuned.empty());
    });
    return identity;
  }
};

// The run's columns: weight types that stay, then new ones.
absl::StatusOr<std::vector<AnnealColumn>> Columns(const AnnealConfig& config,
                                                  const AnnealPlan& plan,
                                                  const std::vector<std::string>& stay) {
  const auto requested = [&](const std::string& text) {
    return std::ranges::find(plan.blends, text, &Blend::text) != plan.blends.end();
  };
  std::vector<AnnealColumn> columns;
  std::vector<std::string> earlier;
  std::ranges::copy_if(stay, std::back_inserter(earlier),
                       [&](const std::string& text) { return !requested(text); });
  if (!earlier.empty()) {
    const auto blends = BlendsNamed(earlier, config);
    if (!blends.ok()) return blends.status();
    for (const Blend& blend : *blends) columns.push_back({blend, false});
  }
  for (const Blend& blend : plan.blends) columns.push_back({blend, true});
  return columns;
}

// What run.json says of `config`: all columns, and the embedded model by its name.
nlohmann::ordered_json Recorded(AnnealConfig config, const std::vector<AnnealColumn>& columns) {
  if (!config.weight_type.empty()) config.weight_type = TextsOf(columns);
  config.overwrite = false;  // a run from its record overwrites nothing else
  return RecordedConfig(AnnealTable(), config);
}

// Gives columns their texts and rank 0's record the identity, once the hashes are known.
absl::Status Identify(const Setting& setting, std::vector<AnnealColumn>& columns,
                      RunRecord* record) {
  const auto identity = setting.Identity();
  if (!identity.ok()) return identity.status();
  const std::vector<WebUiLora> loras = WebUiLorasOf(setting.config);
  for (AnnealColumn& column : columns) {
    const RunIdentity used = setting.UsedBy({column.blend}, *identity);
    column.made_by = MadeBy(setting.config, used, setting.settings());
    column.web_ui = WebUiModelsOf(setting.config, used, loras);
  }
  if (record == nullptr) return absl::OkStatus();
  const RunIdentity used = setting.UsedBy(BlendsIn(columns), *identity);
  record->SetIdentity(used);
  record->SetWeights(setting.hashes.files(), used.inputs);
  return record->Write();
}

// What came out, of all ranks.
struct Totals {
  int64_t drawn, kept, network_rows;
};

// Says what came out; with --overwrite, what another run left goes first.
void Conclude(const AnnealConfig& config, const AnnealPlan& plan, const Totals& totals,
              const std::vector<AnnealColumn>& columns, Notices& log) {
  const auto stale = StalePictures(config.output_dir, TextsOf(columns), plan);
  if (config.overwrite) {
    RemovePictures(stale);
  } else if (!stale.empty()) {
    log.Warn(absl::StrCat(
        Count(static_cast<int64_t>(stale.size()), "picture"), " in ", config.output_dir,
        " of another run, which run.json doesn't tell of, the first ", stale.front()));
  }
  log.Result(DescribeDrawn(totals.drawn, totals.kept, config.output_dir));
}

// The folder that fits, with the columns of what is and will be in it. `folder`: opened before the
// model was loaded; where nothing was typed, another run's is left for the next number.
absl::StatusOr<std::vector<AnnealColumn>> EnterFolder(Setting& setting,
                                                      std::optional<OutputFolder>& folder,
                                                      int number) {
  const auto identity = [&] { return setting.Identity(); };
  const bool typed = !setting.config.output_dir.empty();
  auto stay = TypesThatStay(setting.config, folder->path(), identity);
  while (absl::IsInvalidArgument(stay.status()) && !typed) {
    folder.reset();
    auto next = OpenFolder("", ++number);
    if (!next.ok()) return next.status();
    folder.emplace(*std::move(next));
    stay = TypesThatStay(setting.config, folder->path(), identity);
  }
  if (!stay.ok()) return stay.status();
  setting.config.output_dir = folder->path();
  auto columns = Columns(setting.config, setting.plan, *stay);
  if (!columns.ok()) return columns.status();
  absl::Status elsewhere =
      CheckAnnealInputs(setting.config, setting.hashes.files(), BlendsIn(*columns), folder->path());
  if (!elsewhere.ok()) return elsewhere;
  return columns;
}

// What rank 0 has said already, the others don't say again.
void WarnOfDevice(const ComputeDevice& device, Notices& log, World& world) {
  const std::string first = world.FirstText("device", device.notice);
  if (device.notice.empty() || (!world.first() && device.notice == first)) return;
  log.Warn("computing on the CPU: " + device.notice);
}

// The world where its ranks draw each image together, else null.
World* PairOf(const AnnealPlan& plan, World& world) { return plan.together > 1 ? &world : nullptr; }

absl::Status DryRun(const PreparedAnneal& prepared, Notices& log, World& world) {
  World* const pair = PairOf(prepared.plan, world);
  if (!world.first() && pair == nullptr) return absl::OkStatus();
  std::ostringstream text;
  const absl::Status status =
      DryRunAnneal(prepared.config, prepared.plan, prepared.device, pair, text);
  if (world.first()) log.Result(text.str());
  return status;
}

// Makes the folder ready for the pictures.
absl::Status Furnish(OutputFolder& folder, const std::vector<AnnealColumn>& columns,
                     const RunRecord& record, Notices& log) {
  std::vector<std::string> subfolders;
  for (const std::string& text : TextsOf(columns)) subfolders.push_back(WeightTypeFolder(text));
  if (absl::Status tidied = folder.Tidy(subfolders); !tidied.ok()) return tidied;
  if (const std::string warning = folder.Warning(); !warning.empty()) log.Warn(warning);
  // Another run's record stands until this one has drawn.
  if (!ReadEarlierRun(folder.path())) {
    if (absl::Status written = record.Write(); !written.ok()) return written;
  }
  for (const AnnealColumn& column : columns) {
    if (!column.drawn) continue;
    absl::Status made = folder.MakeSubfolder(WeightTypeFolder(column.blend.text));
    if (!made.ok()) return made;
  }
  return absl::OkStatus();
}

// The overview, and all in the record.
absl::Status Finish(AnnealRun& run, const OutputFolder& folder, const Totals& totals, double begin,
                    RunRecord& record, int ranks) {
  if (absl::Status there = folder.Check(); !there.ok()) return there;
  if (absl::Status written = run.WriteOverview(); !written.ok()) return written;
  record.SetSeconds("encode", run.drawer().timings().encode);
  record.SetSeconds("sample", run.drawer().timings().sample);
  record.SetSeconds("decode", run.drawer().timings().decode);
  record.SetSeconds("total", Progress::WallSeconds() - begin);
  record.Set("images_drawn", totals.drawn);
  record.Set("images_kept", totals.kept);
  record.Set("network_rows", totals.network_rows);
  if (ranks > 1) record.Set("ranks", ranks);
  return record.Finish();
}

// What processes on several hosts may have of their own.
const std::vector<std::string> kOwnSettings = {"device", "memory", "nproc", "timeout",
                                               "output_dir"};

// Before anything is drawn, the hashes are waited for: no rank goes on by other weights.
absl::Status CheckSameWeights(const Setting& setting, World& world) {
  if (world.size() == 1) return absl::OkStatus();
  const auto identity = setting.Identity();
  if (absl::Status agreed = world.Agree("weights", identity.status()); !agreed.ok()) return agreed;
  return CheckSameIdentity(*identity, world);
}

// Draws this rank's part; returns where all have, with what they drew together.
absl::StatusOr<Totals> Draw(AnnealRun& run, Meetings& meetings, World& world) {
  if (absl::Status drawn = run.DrawAll(); !drawn.ok()) return drawn;
  meetings.UntilAllHaveDrawn();
  const std::vector<int64_t> sums =
      SumOverRanks("pictures", {run.drawn(), run.kept(), run.drawer().network_rows()}, world);
  return Totals{.drawn = sums[0], .kept = sums[1], .network_rows = sums[2]};
}

// Of rank 0 alone: the folder, held from before the model is loaded.
struct HeldFolder {
  std::optional<OutputFolder> folder = {};
  int number = 1;

  absl::Status Open(const std::string& typed) {
    auto opened = OpenFolder(typed, number);
    if (!opened.ok()) return opened.status();
    folder.emplace(*std::move(opened));
    return absl::OkStatus();
  }
};

// From the loaded model to the result line.
absl::Status DrawInto(HeldFolder& held, Setting& setting, double begin, Notices& log,
                      World& world) {
  const bool first = world.first();
  const auto columns = first ? EnterFolder(setting, held.folder, held.number)
                             : Columns(setting.config, setting.plan, /*stay=*/{});
  if (absl::Status agreed = world.Agree("output folder", columns.status()); !agreed.ok())
    return agreed;
  setting.config.output_dir = world.FirstText("output folder", setting.config.output_dir);
  if (absl::Status same = CheckSameWeights(setting, world); !same.ok()) return same;
  RunRecord record("anneal", Recorded(setting.config, *columns), setting.config.output_dir,
                   setting.device);
  record.SetSeconds("load", Progress::WallSeconds() - begin);
  const absl::Status furnished =
      first ? Furnish(*held.folder, *columns, record, log) : absl::OkStatus();
  if (absl::Status agreed = world.Agree("output folder", furnished); !agreed.ok()) return agreed;
  if (first)
    log.Say(DescribeDrawing(setting.config, setting.plan, setting.model.size, setting.device));

  World* const pair = PairOf(setting.plan, world);
  Meetings meetings(world, setting.config.timeout);
  AnnealRun run(
      setting.config, setting.plan, setting.model.sdxl, setting.model.schedule,
      {.size = setting.model.size,
       .columns = *columns,
       .identify = [&](auto& all) { return Identify(setting, all, first ? &record : nullptr); },
       .check_folder = [&] { return first ? held.folder->Check() : absl::OkStatus(); },
       .after_step =
           [&](int64_t batch) {
             world.SetStep(batch);
             if (pair == nullptr) meetings.WhileDrawing();
           },
       .pair = pair},
      log);
  const auto totals = Draw(run, meetings, world);
  if (!totals.ok()) return totals.status();
  absl::Status finished = absl::OkStatus();
  if (first) finished = Finish(run, *held.folder, *totals, begin, record, world.size());
  if (first && finished.ok()) Conclude(setting.config, setting.plan, *totals, *columns, log);
  return world.Agree("overview", finished);
}

}  // namespace

absl::Status RunAnneal(const AnnealConfig& given, std::ostream& log, bool terminal) {
  Notices notices(log, {.program = "anneal", .terminal = terminal});
  return RunAnneal(given, notices);
}

absl::Status RunAnneal(const AnnealConfig& given, Notices& log) {
  World alone;
  return RunAnneal(given, log, alone);
}

absl::Status RunAnneal(const AnnealConfig& given, Notices& log, World& world) {
  const double begin = Progress::WallSeconds();
  if (absl::Status same = CheckSameSettings(AnnealTable().Print(given), kOwnSettings, world);
      !same.ok()) {
    return same;
  }
  const auto prepared = PrepareAnneal(given, world.info());
  if (absl::Status agreed = world.Agree("settings", prepared.status()); !agreed.ok()) return agreed;
  const AnnealConfig& config = prepared->config;
  WarnOfDevice(prepared->device, log, world);
  const std::string idle = IdleGpusNotice(world.info(), prepared->device.is_cuda());
  if (!idle.empty()) log.Note(idle);
  if (prepared->plan.together > 1) {
    if (absl::Status joined = JoinPair(prepared->device, world); !joined.ok()) return joined;
  }
  if (config.dry_run != "off") return world.Agree("plan", DryRun(*prepared, log, world));

  HeldFolder held;
  const absl::Status opened = world.first() ? held.Open(config.output_dir) : absl::OkStatus();
  if (absl::Status agreed = world.Agree("output folder", opened); !agreed.ok()) return agreed;
  absl::Status shared =
      CheckFolderIsShared(held.folder ? held.folder->path() : "", world, /*root=*/"",
                          /*patience_seconds=*/std::min(10.0, config.timeout / 2));
  if (!shared.ok()) return shared;
  InputHashes hashes(AnnealInputs(config));
  const auto model = AnnealModel::Load(config, prepared->plan, prepared->device);
  if (absl::Status agreed = world.Agree("model", model.status()); !agreed.ok()) return agreed;
  const bool on_cpu = !prepared->device.is_cuda();
  for (const std::string& notice :
       {SpacingNotice(config.sampling, model->sdxl.scheduler), UnusedTensorsNotice(model->sdxl),
        on_cpu && config.decoder != "auto" ? OnlyOfAGpu("--decoder") : "",
        MemoryNotice(config.memory, model->memory)}) {
    if (world.first() && !notice.empty()) log.Note(notice);
  }
  Setting setting{config, prepared->plan, prepared->device, *model, hashes};
  try {
    return DrawInto(held, setting, begin, log, world);
  } catch (const c10::OutOfMemoryError& error) {
    return OutOfGpuMemory(error, WhatTakesLessMemory(model->memory, prepared->plan.batch_size));
  }
}

}  // namespace draftp
