#include "draftp/evaluate/evaluate.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "draftp/anneal/anneal.h"
#include "draftp/anneal/anneal_bundle.h"
#include "draftp/anneal/anneal_identity.h"
#include "draftp/anneal/image_output.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_row.h"
#include "draftp/data/captions.h"
#include "draftp/evaluate/evaluation_files.h"
#include "draftp/evaluate/evaluation_folder.h"
#include "draftp/evaluate/evaluation_plan.h"
#include "draftp/evaluate/picture_folder.h"
#include "draftp/evaluate/picture_scorer.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/count.h"
#include "draftp/io/last_name.h"
#include "draftp/io/printable.h"
#include "draftp/run/compute_device.h"
#include "draftp/run/embedded.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/progress.h"
#include "draftp/run/run_record.h"
#include "draftp/sdxl/recorded_config.h"
#include "draftp/shard/rank_device.h"
#include "draftp/shard/same_run.h"
#include "draftp/version.h"

namespace draftp {
namespace {

constexpr char kScores[] = "scores";

// The prompts that are drawn, where anything is; those of a pipe are read, and stand in the config.
absl::StatusOr<std::vector<std::string>> TakePrompts(EvaluateConfig& config) {
  if (!Draws(config)) return std::vector<std::string>{};
  AnnealConfig draw = config.draw;
  draw.weight_type = {kBasePoint};
  auto resolved = ResolveBundle(draw, "");
  if (!resolved.ok()) return resolved.status();
  config.draw.prompt = resolved->prompt;
  config.draw.prompts = resolved->prompts;
  config.draw.max_prompts = resolved->max_prompts;
  if (!resolved->prompt.empty()) return resolved->prompt;
  auto captions = ReadCaptions(absl::StrJoin(resolved->prompts, ","), EmptyCaptions::kKeep);
  if (!captions.ok()) return captions.status();
  const auto most = static_cast<size_t>(resolved->max_prompts);
  if (most > 0 && captions->captions.size() > most) captions->captions.resize(most);
  return std::move(captions->captions);
}

// A point before it is measured.
struct PointSource {
  std::string name, family;
  double parameter;
  std::string folder;
};

absl::StatusOr<std::vector<PointSource>> PointsOf(const EvaluateConfig& config,
                                                  const std::vector<EvaluationRun>& runs,
                                                  const std::string& output_dir) {
  std::vector<PointSource> points;
  for (const EvaluationRun& run : runs) {
    for (const EvaluationColumn& column : run.columns) {
      points.push_back({column.name, column.family, column.parameter,
                        WeightTypeDir(PicturesDir(output_dir, run), column.weight_type)});
    }
  }
  for (const std::string& argument : config.pictures) {
    const auto folders = FindPictureFolders(argument);
    if (!folders.ok()) return folders.status();
    for (const NamedFolder& folder : *folders) {
      const bool base = folder.name == kBasePoint;
      points.push_back({folder.name, base ? kBasePoint : "pictures",
                        std::numeric_limits<double>::quiet_NaN(), folder.path});
    }
  }
  std::set<std::string> names;
  for (const PointSource& point : points) {
    if (names.insert(point.name).second) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--pictures: found two points named ", Printable(point.name, 200),
                     ", expected names that differ; DIR:NAME gives one"));
  }
  return points;
}

absl::Status DrawAll(const std::vector<EvaluationRun>& runs, const std::string& output_dir,
                     const EvaluateConfig& config, Notices& log, World& world) {
  const double begin = Progress::WallSeconds();
  for (size_t i = 0; i < runs.size(); ++i) {
    AnnealConfig draw = runs[i].config;
    draw.output_dir = PicturesDir(output_dir, runs[i]);
    draw.overwrite = config.overwrite;
    if (runs.size() > 1 && world.first()) {
      const double each = i == 0 ? 0 : (Progress::WallSeconds() - begin) / static_cast<double>(i);
      log.Say(absl::StrFormat(
          "%s, %d of %d%s", runs[i].name, i + 1, runs.size(),
          i == 0
              ? ""
              : ", all in about " + FormatDuration(each * static_cast<double>(runs.size() - i))));
    }
    if (absl::Status drawn = RunAnneal(draw, log, world); !drawn.ok()) return drawn;
  }
  return absl::OkStatus();
}

// "step_10/linear" as a file's name.
std::string FileName(const std::string& point) {
  return absl::StrReplaceAll(point, {{"/", "__"}}) + ".safetensors";
}

// Scores this rank's share, then, on the first rank, reads all.
absl::StatusOr<std::vector<PointPictures>> ScoreAll(const std::vector<PointSource>& points,
                                                    const std::string& output_dir,
                                                    const EvaluateConfig& config,
                                                    const std::string& scorer_hash,
                                                    PictureScorer& scorer, Notices& log,
                                                    World& world) {
  int64_t images = 0;
  for (const PointSource& point : points) {
    const auto files = PictureFilesIn(point.folder);
    if (!files.ok()) return files.status();
    images += std::ssize(*files);
  }
  Progress progress(log.live(), {.total_images = images, .total_work = images});
  const auto read = [&](const PointSource& point, bool shown) {
    progress.SetLabel("scores, " + point.name);
    return ReadPoint(point.folder, scorer,
                     {.kept = absl::StrCat(output_dir, "/", kScores, "/", FileName(point.name)),
                      .scorer = scorer_hash,
                      .batch_size = config.batch_size,
                      .on_images = [&progress, shown](int64_t n) {
                        if (!shown) return;
                        progress.AddImages(n);
                        progress.AddWork(n);
                      }});
  };
  absl::Status shared = absl::OkStatus();
  for (size_t i = 0; world.size() > 1 && i < points.size() && shared.ok(); ++i) {
    if (static_cast<int>(i) % world.size() == world.rank())
      shared = read(points[i], false).status();
  }
  if (absl::Status agreed = world.Agree("scores", shared); !agreed.ok()) return agreed;
  std::vector<PointPictures> all;
  for (size_t i = 0; world.first() && i < points.size(); ++i) {
    auto point = read(points[i], true);
    if (!point.ok()) return point.status();
    all.push_back(*std::move(point));
  }
  progress.Finish();
  return all;
}

// Settings that aren't the defaults, for the page.
std::vector<std::pair<std::string, std::string>> ChosenSettings(const EvaluateConfig& config) {
  const auto defaults = EvaluateTable().Print(EvaluateConfig{});
  const auto chosen = EvaluateTable().Print(config);
  std::vector<std::pair<std::string, std::string>> settings;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (PlainText(chosen[i].second) != PlainText(defaults[i].second))
      settings.emplace_back(chosen[i].first, PlainText(chosen[i].second));
  }
  return settings;
}

absl::Status MeasureAll(std::vector<PointPictures> pictures, const EvaluateConfig& config,
                        Evaluation& evaluation) {
  evaluation.prompts = PromptsOf(pictures);
  const OrderedPoint* base = nullptr;
  for (size_t i = 0; i < pictures.size(); ++i) {
    EvaluationPoint& point = evaluation.points[i];
    point.pictures = InOrder(std::move(pictures[i]), evaluation.prompts);
    if (point.name == kBasePoint) base = &point.pictures;
  }
  if (base == nullptr) {
    evaluation.warnings.push_back(
        "no point is named base: win rates, distances and drift aren't measured");
  }
  const MeasureOptions options{.reward_names = evaluation.reward_names,
                               .resamples = config.resamples};
  for (EvaluationPoint& point : evaluation.points) {
    auto measures = Measure(point.pictures, base, options);
    if (!measures.ok()) return measures.status();
    point.measures = *std::move(measures);
    for (const std::string& line : point.measures.missing)
      evaluation.warnings.push_back(absl::StrCat(point.name, ": ", line));
  }
  ChoosePoints(config.least_diversity, evaluation);
  std::vector<const OrderedPoint*> points;
  for (const EvaluationPoint& point : evaluation.points) points.push_back(&point.pictures);
  evaluation.differences =
      Differences(points, evaluation.chosen_reward, {.replicas = config.resamples});
  return absl::OkStatus();
}

std::string DescribeBest(const Evaluation& evaluation) {
  if (!evaluation.best) return "";
  const EvaluationPoint& best = evaluation.points[*evaluation.best];
  const RewardMeasure& reward = best.measures.rewards[evaluation.chosen_reward];
  return absl::StrFormat(
      "best at a diversity of at least %.4g: %s, %s %.4g (%.4g to %.4g), "
      "diversity %.4g",
      *evaluation.least_diversity, best.name, reward.name, reward.value.mean, reward.value.low,
      reward.value.high, best.measures.diversity->mean);
}

absl::Status WriteAll(const Evaluation& evaluation, const std::string& output_dir,
                      const nlohmann::ordered_json& settings, const RunIdentity& identity) {
  nlohmann::ordered_json json = {{"program", "evaluate"},
                                 {"draftp", kVersion},
                                 {"config", settings},
                                 {"identity", ToJson(identity)}};
  json.update(ToJson(evaluation, output_dir));
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  absl::Status status = WriteFileAtomically(output_dir + "/evaluation.json",
                                            json.dump(2, ' ', false, replace) + "\n");
  if (status.ok()) status = WriteFileAtomically(output_dir + "/evaluation.csv", ToCsv(evaluation));
  if (!status.ok()) return status;
  return WriteFileAtomically(output_dir + "/report.html",
                             RenderEvaluationPage(ToPage(evaluation, output_dir)));
}

// Hashes of all that decided the numbers.
absl::Status AddInputs(const std::vector<EvaluationRun>& runs,
                       const absl::StatusOr<std::map<std::string, std::string>>& scorer,
                       RunIdentity& identity) {
  if (!scorer.ok()) return scorer.status();
  identity.inputs.insert(scorer->begin(), scorer->end());
  for (const EvaluationRun& run : runs) {
    InputHashes hashes(AnnealInputs(run.config));
    const auto& known = hashes.Get();
    if (!known.ok()) return known.status();
    for (const auto& [role, hash] : *known) {
      const bool own = role.starts_with("fine-tuned") && !run.name.empty();
      identity.inputs.insert({own ? absl::StrCat(run.name, "/", role) : role, hash});
    }
  }
  return absl::OkStatus();
}

// The folder, on the first rank alone, with a place for the scores.
absl::StatusOr<std::optional<OutputFolder>> OpenFirst(const EvaluateConfig& config,
                                                      const RunIdentity& identity, World& world) {
  if (!world.first()) return std::nullopt;
  auto folder = OpenEvaluationFolder(config, identity);
  if (!folder.ok()) return folder.status();
  absl::Status made = folder->Tidy({kScores});
  if (made.ok()) made = folder->MakeSubfolder(kScores);
  if (!made.ok()) return made;
  return std::optional(*std::move(folder));
}

struct Seconds {
  double begin = Progress::WallSeconds(), drawn = 0, scored = 0;
};

// On the first rank, from the scores to the result line.
absl::Status Conclude(std::vector<PointPictures> pictures, const std::vector<PointSource>& points,
                      const PictureScorer& scorer, const EvaluateConfig& config,
                      const std::string& output_dir, const RunIdentity& identity, Seconds seconds,
                      RunRecord& record, Notices& log) {
  Evaluation evaluation{.title = "Reward and diversity",
                        .summary = "",
                        .prompts = {},
                        .reward_names = scorer.names(),
                        .chosen_reward = scorer.chosen(),
                        .points = {},
                        .settings = ChosenSettings(config)};
  for (const PointSource& point : points)
    evaluation.points.push_back({point.name, point.family, point.parameter, point.folder});
  if (absl::Status measured = MeasureAll(std::move(pictures), config, evaluation); !measured.ok())
    return measured;
  for (const std::string& warning : evaluation.warnings) log.Warn(warning);
  int64_t images = 0;
  for (const EvaluationPoint& point : evaluation.points) images += point.measures.images;
  const std::string best = DescribeBest(evaluation);
  evaluation.summary = absl::StrCat(
      Count(std::ssize(evaluation.points), "point"), " of ",
      Count(std::ssize(evaluation.prompts), "prompt"), ", ", Count(images, "picture"),
      " altogether",
      config.draw.model.empty() ? "" : ", " + LastName(DescribeModel(config.draw.model)), ".",
      best.empty() ? "" : " The " + best + ".");
  const auto settings = RecordedConfig(EvaluateTable(), config);
  if (absl::Status written = WriteAll(evaluation, output_dir, settings, identity); !written.ok())
    return written;
  record.SetIdentity(identity);
  record.SetSeconds("draw", seconds.drawn - seconds.begin);
  record.SetSeconds("score", seconds.scored - seconds.drawn);
  record.SetSeconds("total", Progress::WallSeconds() - seconds.begin);
  record.Set("images", images);
  if (absl::Status finished = record.Finish(); !finished.ok()) return finished;
  log.Result(absl::StrCat(best.empty() ? "" : best + "; ", "report: ", output_dir, "/report.html"));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunEvaluate(const EvaluateConfig& given, Notices& log) {
  World alone;
  return RunEvaluate(given, log, alone);
}

absl::Status RunEvaluate(const EvaluateConfig& given, Notices& log, World& world) {
  Seconds seconds;
  EvaluateConfig config = given;
  const auto prompts = TakePrompts(config);
  if (absl::Status agreed = world.Agree("prompts", prompts.status()); !agreed.ok()) return agreed;
  const auto runs = PlanEvaluation(config);
  if (absl::Status agreed = world.Agree("adapters", runs.status()); !agreed.ok()) return agreed;
  // What can't score isn't found out after hours of drawing.
  const absl::Status can_score =
      world.first() ? PictureScorer::Load(config, ComputeDevice{}).status() : absl::OkStatus();
  if (absl::Status agreed = world.Agree("rewards", can_score); !agreed.ok()) return agreed;
  const auto name = RankDevice(config.draw.device, world.info());
  const auto device = name.ok() ? ChooseDevice(*name, config.draw.dtype) : name.status();
  if (absl::Status agreed = world.Agree("device", device.status()); !agreed.ok()) return agreed;

  RunIdentity identity = EvaluationIdentity(config, *prompts);
  auto folder = OpenFirst(config, identity, world);
  if (absl::Status agreed = world.Agree("output folder", folder.status()); !agreed.ok())
    return agreed;
  config.output_dir = world.FirstText("output folder", *folder ? (*folder)->path() : "");
  const auto points = PointsOf(config, *runs, config.output_dir);
  if (absl::Status agreed = world.Agree("points", points.status()); !agreed.ok()) return agreed;
  RunRecord record("evaluate", RecordedConfig(EvaluateTable(), config), config.output_dir, *device);
  record.SetIdentity(identity);
  const absl::Status begun = world.first() ? record.Write() : absl::OkStatus();
  if (absl::Status agreed = world.Agree("output folder", begun); !agreed.ok()) return agreed;

  InputHashes hashes(ScorerFiles(config));
  if (absl::Status drawn = DrawAll(*runs, config.output_dir, config, log, world); !drawn.ok())
    return drawn;
  seconds.drawn = Progress::WallSeconds();
  auto scorer = PictureScorer::Load(config, *device);
  if (absl::Status agreed = world.Agree("rewards", scorer.status()); !agreed.ok()) return agreed;
  const auto& scorer_hashes = hashes.Get();
  absl::Status named = AddInputs(*runs, scorer_hashes, identity);
  if (absl::Status agreed = world.Agree("hashes", named); !agreed.ok()) return agreed;
  auto pictures = ScoreAll(*points, config.output_dir, config, CombinedHash(*scorer_hashes),
                           *scorer, log, world);
  absl::Status finished = pictures.status();
  seconds.scored = Progress::WallSeconds();
  if (finished.ok() && world.first()) {
    finished = (*folder)->Check();
    if (finished.ok()) {
      finished = Conclude(*std::move(pictures), *points, *scorer, config, config.output_dir,
                          identity, seconds, record, log);
    }
  }
  return world.Agree("report", finished);
}

}  // namespace draftp
