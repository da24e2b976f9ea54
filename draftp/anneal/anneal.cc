#include "draftp/anneal/anneal.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "draftp/anneal/anneal_bundle.h"
#include "draftp/anneal/anneal_dry_run.h"
#include "draftp/anneal/anneal_folder.h"
#include "draftp/anneal/anneal_identity.h"
#include "draftp/anneal/anneal_model.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/anneal/anneal_run.h"
#include "draftp/anneal/anneal_summary.h"
#include "draftp/anneal/image_output.h"
#include "draftp/config/config_path.h"
#include "draftp/io/count.h"
#include "draftp/run/compute_device.h"
#include "draftp/run/earlier_run.h"
#include "draftp/run/embedded.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/newest_checkpoint.h"
#include "draftp/run/notices.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/progress.h"
#include "draftp/run/run_record.h"
#include "draftp/sdxl/model_argument.h"
#include "draftp/sdxl/recorded_config.h"

namespace draftp {
namespace {

constexpr char kDefaultFolder[] = "annealed_outputs";

// The config with the embedded bundle and a training run's checkpoint in their places.
absl::StatusOr<AnnealConfig> Complete(AnnealConfig given) {
  const auto embedded = EmbeddedModelDir();
  if (given.model.empty() && !embedded.ok()) return embedded.status();
  const std::string dir = embedded.ok() ? *embedded : "";
  AnnealTable().TransformPaths(given,
                               [&](const std::string& path) { return ExpandEmbedded(path, dir); });
  auto config = ResolveBundle(given, dir);
  if (!config.ok() || config->explicit_log_dir.empty() || !config->lora.empty() ||
      !config->tuned.empty())
    return config;
  const auto checkpoint = NewestCheckpoint(config->explicit_log_dir);
  if (!checkpoint.ok()) return checkpoint.status();
  config->lora = checkpoint->lora;
  config->tuned = checkpoint->tuned;
  return config;
}

// What a path can't be the model or the adapter for is told before anything is read.
absl::Status CheckModels(const AnnealConfig& config) {
  if (absl::Status model = CheckModelArgument(config.model); !model.ok()) return model;
  if (absl::Status lora = CheckNoHubName("--lora", config.lora); !lora.ok()) return lora;
  return CheckNoHubName("--tuned", config.tuned);
}

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
    return PictureSettings(config, model.size, DtypeName(device));
  }
  absl::StatusOr<RunIdentity> Identity() const {
    const auto& known = hashes.Get();
    if (!known.ok()) return known.status();
    return AnnealIdentity(config, plan, settings(), *known);
  }
  // Identity with what `types` evaluate alone.
  RunIdentity UsedBy(const std::vector<WeightType>& types, RunIdentity identity) const {
    std::erase_if(identity.inputs, [&](const auto& input) {
      return !IsUsed(input.first, types, model.schedule, !config.tuned.empty());
    });
    return identity;
  }
};

// The run's columns: weight types that stay, then new ones.
absl::StatusOr<std::vector<AnnealColumn>> Columns(const AnnealPlan& plan,
                                                  const std::vector<std::string>& stay) {
  const auto requested = [&](const std::string& text) {
    return std::ranges::find(plan.weight_types, text, &WeightType::text) != plan.weight_types.end();
  };
  std::vector<AnnealColumn> columns;
  AnnealConfig earlier;
  earlier.weight_type.clear();
  std::ranges::copy_if(stay, std::back_inserter(earlier.weight_type),
                       [&](const std::string& text) { return !requested(text); });
  if (!earlier.weight_type.empty()) {
    const auto types = ParseWeightTypes(earlier);
    if (!types.ok()) return types.status();
    for (const WeightType& type : *types) columns.push_back({type, false});
  }
  for (const WeightType& type : plan.weight_types) columns.push_back({type, true});
  return columns;
}

std::vector<WeightType> TypesOf(const std::vector<AnnealColumn>& columns) {
  std::vector<WeightType> types;
  for (const AnnealColumn& column : columns) types.push_back(column.type);
  return types;
}

// What run.json says of `config`: all columns, and the embedded model by its name.
nlohmann::ordered_json Recorded(AnnealConfig config, const std::vector<AnnealColumn>& columns) {
  config.weight_type.clear();
  for (const AnnealColumn& column : columns) config.weight_type.push_back(column.type.text);
  config.overwrite = false;  // a run from its record overwrites nothing else
  return RecordedConfig(AnnealTable(), config);
}

// Gives columns their texts and the record the identity, once the hashes are known.
absl::Status Identify(const Setting& setting, std::vector<AnnealColumn>& columns,
                      RunRecord& record) {
  const auto identity = setting.Identity();
  if (!identity.ok()) return identity.status();
  for (AnnealColumn& column : columns) {
    column.made_by =
        MadeBy(setting.config, setting.UsedBy({column.type}, *identity), setting.settings());
  }
  const RunIdentity used = setting.UsedBy(TypesOf(columns), *identity);
  record.SetIdentity(used);
  record.SetWeights(setting.hashes.files(), used.inputs);
  return record.Write();
}

// Says what came out; with --overwrite, what another run left goes first.
void Conclude(const AnnealConfig& config, const AnnealPlan& plan, const AnnealRun& run,
              const std::vector<AnnealColumn>& columns, Notices& log) {
  std::vector<std::string> types;
  for (const AnnealColumn& column : columns) types.push_back(column.type.text);
  const auto stale = StalePictures(config.output_dir, types, plan.images());
  if (config.overwrite) {
    RemovePictures(stale);
  } else if (!stale.empty()) {
    log.Warn(absl::StrCat(
        Count(static_cast<int64_t>(stale.size()), "picture"), " in ", config.output_dir,
        " of another run, which run.json doesn't tell of, the first ", stale.front()));
  }
  log.Result(DescribeDrawn(run.drawn(), run.kept(), config.output_dir));
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
  auto columns = Columns(setting.plan, *stay);
  if (!columns.ok()) return columns.status();
  absl::Status elsewhere =
      CheckAnnealInputs(setting.config, setting.hashes.files(), TypesOf(*columns), folder->path());
  if (!elsewhere.ok()) return elsewhere;
  return columns;
}

// Draws all and tells it in the record.
absl::Status Draw(AnnealRun& run, const OutputFolder& folder, double begin, RunRecord& record) {
  if (absl::Status drawn = run.DrawAll(); !drawn.ok()) return drawn;
  if (absl::Status there = folder.Check(); !there.ok()) return there;
  if (absl::Status written = run.WriteOverview(); !written.ok()) return written;
  record.SetSeconds("encode", run.drawer().timings().encode);
  record.SetSeconds("sample", run.drawer().timings().sample);
  record.SetSeconds("decode", run.drawer().timings().decode);
  record.SetSeconds("total", Progress::WallSeconds() - begin);
  record.Set("images_drawn", run.drawn());
  record.Set("images_kept", run.kept());
  record.Set("network_rows", run.drawer().network_rows());
  return record.Finish();
}

}  // namespace

absl::Status RunAnneal(const AnnealConfig& given, std::ostream& log, bool terminal) {
  Notices notices(log, {.program = "anneal", .terminal = terminal});
  return RunAnneal(given, notices);
}

absl::Status RunAnneal(const AnnealConfig& given, Notices& log) {
  const double begin = Progress::WallSeconds();
  const auto config = Complete(given);
  if (!config.ok()) return config.status();
  if (absl::Status models = CheckModels(*config); !models.ok()) return models;
  const auto plan = MakeAnnealPlan(*config);
  if (!plan.ok()) return plan.status();
  const auto device = ChooseDevice(config->device, config->dtype);
  if (!device.ok()) return device.status();
  if (!device->notice.empty()) log.Warn("computing on the CPU: " + device->notice);
  if (config->dry_run != "off") {
    std::ostringstream text;
    const absl::Status status = DryRunAnneal(*config, *plan, *device, text);
    log.Result(text.str());
    return status;
  }
  int number = 1;
  auto opened = OpenFolder(config->output_dir, number);
  if (!opened.ok()) return opened.status();
  std::optional<OutputFolder> folder(*std::move(opened));

  InputHashes hashes(AnnealInputs(*config));
  const auto model = AnnealModel::Load(*config, *device);
  if (!model.ok()) return model.status();
  Setting setting{*config, *plan, *device, *model, hashes};
  const auto columns = EnterFolder(setting, folder, number);
  if (!columns.ok()) return columns.status();
  std::vector<std::string> subfolders;
  for (const AnnealColumn& column : *columns)
    subfolders.push_back(WeightTypeFolder(column.type.text));
  if (absl::Status tidied = folder->Tidy(subfolders); !tidied.ok()) return tidied;
  if (const std::string warning = folder->Warning(); !warning.empty()) log.Warn(warning);

  RunRecord record("anneal", Recorded(setting.config, *columns), folder->path(), *device);
  record.SetSeconds("load", Progress::WallSeconds() - begin);
  // Another run's record stands until this one has drawn.
  if (!ReadEarlierRun(folder->path())) {
    if (absl::Status written = record.Write(); !written.ok()) return written;
  }
  log.Say(DescribeDrawing(setting.config, setting.plan, model->size, *device));
  AnnealRun run(setting.config, setting.plan, model->sdxl, *folder, model->schedule,
                {.size = model->size,
                 .columns = *columns,
                 .identify = [&](auto& all) { return Identify(setting, all, record); }},
                log);
  if (absl::Status drawn = Draw(run, *folder, begin, record); !drawn.ok()) return drawn;
  Conclude(setting.config, setting.plan, run, *columns, log);
  return absl::OkStatus();
}

}  // namespace draftp
