#include "draftp/pipeline/anneal.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "draftp/io/contact_sheet.h"
#include "draftp/pipeline/anneal_plan.h"
#include "draftp/pipeline/compute_device.h"
#include "draftp/pipeline/embedded.h"
#include "draftp/pipeline/exit_code.h"
#include "draftp/pipeline/image_drawer.h"
#include "draftp/pipeline/image_output.h"
#include "draftp/pipeline/newest_checkpoint.h"
#include "draftp/pipeline/progress.h"
#include "draftp/pipeline/run_record.h"
#include "draftp/pipeline/sdxl_model.h"

namespace draftp {
namespace {

constexpr int kRank = 0;  // of a single process

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": ", error.message(), ", expected a folder to write into"));
}

// One run from its model to its last picture.
class AnnealRun {
 public:
  AnnealRun(const AnnealConfig& config, const AnnealPlan& plan, const SdxlModel& model,
            PictureSize size, NoiseSchedule schedule, std::ostream& log, bool terminal)
      : config_(config),
        plan_(plan),
        size_(size),
        progress_(log,
                  {.total_images = plan.images() * static_cast<int64_t>(plan.weight_types.size()),
                   .total_work = plan.images() * WorkPerImage(plan.weight_types, schedule.sigmas),
                   .terminal = terminal}),
        sigmas_(schedule.sigmas),
        drawer_(model, plan, std::move(schedule),
                {.height = size.height,
                 .width = size.width,
                 .negative_prompt = config.negative_prompt,
                 .warn = [&log](const std::string& line) { log << "warning: " << line << '\n'; },
                 .on_work = [this](int64_t units) { progress_.AddWork(units); }}),
        sheet_(SheetLabels(), static_cast<int>(size.width), static_cast<int>(size.height)) {}

  absl::Status DrawAll();
  absl::Status WriteOverview() const;
  const ImageDrawer& drawer() const { return drawer_; }
  int64_t drawn() const { return drawn_; }

 private:
  ContactSheetLabels SheetLabels() const;
  ImageRecord RecordOf(const WeightType& type, int64_t image) const;
  absl::Status DrawBatch(const WeightType& type, int column, AnyNoise noise,
                         const std::vector<int64_t>& images);
  // Pictures of the batch that an earlier run has left, or nullopt where one is to be drawn.
  std::optional<std::vector<RgbImage>> Existing(const WeightType& type,
                                                const std::vector<int64_t>& images) const;
  void Show(int column, const std::vector<int64_t>& images, const std::vector<RgbImage>& pictures);

  const AnnealConfig& config_;
  const AnnealPlan& plan_;
  PictureSize size_;
  Progress progress_;
  std::vector<double> sigmas_;
  ImageDrawer drawer_;
  ContactSheet sheet_;
  int64_t drawn_ = 0;
};

ContactSheetLabels AnnealRun::SheetLabels() const {
  ContactSheetLabels labels;
  labels.title =
      absl::StrFormat("%s, %s, %d steps, guidance %g, seed %u", config_.sampler,
                      config_.discretization, config_.steps, config_.guidance_scale, config_.seed);
  for (int64_t image = 0; image < plan_.images(); ++image)
    labels.rows.push_back(plan_.PromptOf(image));
  for (const WeightType& type : plan_.weight_types) labels.columns.push_back(type.text);
  return labels;
}

ImageRecord AnnealRun::RecordOf(const WeightType& type, int64_t image) const {
  return {.weight_type = type.text,
          .index = image,
          .rank = kRank,
          .prompt = plan_.PromptOf(image),
          .negative_prompt = config_.negative_prompt,
          .seed = config_.seed,
          .settings = SettingsLine(config_, size_.height, size_.width)};
}

std::optional<std::vector<RgbImage>> AnnealRun::Existing(const WeightType& type,
                                                         const std::vector<int64_t>& images) const {
  if (!config_.skip_existing) return std::nullopt;
  std::vector<RgbImage> pictures;
  for (const int64_t image : images) {
    auto picture = ReadExistingImage(config_.output_dir, RecordOf(type, image));
    if (!picture) return std::nullopt;
    pictures.push_back(*std::move(picture));
  }
  return pictures;
}

void AnnealRun::Show(int column, const std::vector<int64_t>& images,
                     const std::vector<RgbImage>& pictures) {
  for (size_t b = 0; b < images.size(); ++b)
    sheet_.SetCell(static_cast<int>(images[b]), column, pictures[b]);
  progress_.AddImages(static_cast<int64_t>(images.size()));
}

absl::Status AnnealRun::DrawBatch(const WeightType& type, int column, AnyNoise noise,
                                  const std::vector<int64_t>& images) {
  progress_.SetLabel(type.text);
  if (const auto pictures = Existing(type, images)) {
    noise.Initial(drawer_.NoiseShape(
        static_cast<int64_t>(images.size())));  // a rank's stream goes on behind it
    progress_.AddWork(static_cast<int64_t>(images.size()) * WorkPerImage({type}, sigmas_));
    Show(column, images, *pictures);
    return absl::OkStatus();
  }
  const auto latents = drawer_.Latents(type, noise);
  if (!latents.ok()) return latents.status();
  const std::vector<RgbImage> pictures = drawer_.Pictures(*latents);
  for (size_t b = 0; b < images.size(); ++b) {
    const ImageRecord record = RecordOf(type, images[b]);
    if (absl::Status written = WriteImageFiles(config_.output_dir, record, pictures[b]);
        !written.ok())
      return written;
  }
  drawn_ += static_cast<int64_t>(images.size());
  Show(column, images, pictures);
  return absl::OkStatus();
}

absl::Status AnnealRun::DrawAll() {
  std::vector<NoiseStreams> noise;  // of each weight type: all see the same
  for (const WeightType& type : plan_.weight_types) {
    if (absl::Status made = MakeFolder(WeightTypeDir(config_.output_dir, type.text)); !made.ok())
      return made;
    auto streams = NoiseStreams::Named(config_.noise, config_.seed, kRank);
    if (!streams.ok()) return streams.status();
    noise.push_back(*std::move(streams));
  }
  for (int64_t b = 0; b < plan_.batches(); ++b) {
    const std::vector<int64_t> images = plan_.Batch(b);
    std::vector<std::string> captions;
    for (const int64_t image : images) captions.push_back(plan_.PromptOf(image));
    if (absl::Status encoded = drawer_.SetCaptions(captions); !encoded.ok()) return encoded;
    for (size_t t = 0; t < plan_.weight_types.size(); ++t) {
      absl::Status drawn =
          DrawBatch(plan_.weight_types[t], static_cast<int>(t), noise[t].ForBatch(images), images);
      if (!drawn.ok()) return drawn;
    }
  }
  progress_.Finish();
  return absl::OkStatus();
}

absl::Status AnnealRun::WriteOverview() const {
  const auto sheet = sheet_.Draw();
  if (!sheet.ok()) return sheet.status();
  return WritePng(config_.output_dir + "/overview.png", *sheet, {{"Software", "draftp"}});
}

// The config with the embedded bundle and a training run's checkpoint in their places.
absl::StatusOr<AnnealConfig> Complete(const AnnealConfig& given) {
  const auto embedded = EmbeddedModelDir();
  if (given.model.empty() && !embedded.ok()) return embedded.status();
  auto config = ResolveBundle(given, embedded.ok() ? *embedded : "");
  if (!config.ok() || config->explicit_log_dir.empty() || !config->lora.empty() ||
      !config->tuned.empty())
    return config;
  const auto checkpoint = NewestCheckpoint(config->explicit_log_dir);
  if (!checkpoint.ok()) return checkpoint.status();
  config->lora = checkpoint->lora;
  config->tuned = checkpoint->tuned;
  return config;
}

}  // namespace

absl::Status RunAnneal(const AnnealConfig& given, std::ostream& log, bool terminal) {
  const double begin = Progress::WallSeconds();
  const auto config = Complete(given);
  if (!config.ok()) return config.status();
  const auto plan = MakeAnnealPlan(*config);
  if (!plan.ok()) return plan.status();
  const auto device = ChooseDevice(config->device, config->dtype);
  if (!device.ok()) return device.status();
  if (!device->notice.empty()) log << "warning: computing on the CPU: " << device->notice << '\n';
  if (absl::Status made = MakeFolder(config->output_dir); !made.ok()) return made;

  const auto model = SdxlModel::Load({.model = config->model,
                                      .lora = config->lora,
                                      .lora_scale = config->lora_scale,
                                      .tuned = config->tuned},
                                     *device);
  if (!model.ok()) return AsFailure(model.status());
  auto schedule = MakeNoiseSchedule(*config, model->scheduler);
  if (!schedule.ok()) return schedule.status();
  const auto size = ChooseSize(*config, model->default_size, model->vae.config.Downsampling());
  if (!size.ok()) return size.status();
  RunRecord record(*config, *device, model->weight_files);
  record.SetSeconds("load", Progress::WallSeconds() - begin);
  if (absl::Status written = record.Write(); !written.ok()) return written;

  AnnealRun run(*config, *plan, *model, *size, *std::move(schedule), log, terminal);
  if (absl::Status drawn = run.DrawAll(); !drawn.ok()) return drawn;
  if (absl::Status written = run.WriteOverview(); !written.ok()) return written;
  record.SetSeconds("encode", run.drawer().timings().encode);
  record.SetSeconds("sample", run.drawer().timings().sample);
  record.SetSeconds("decode", run.drawer().timings().decode);
  record.SetSeconds("total", Progress::WallSeconds() - begin);
  record.SetCounts(run.drawn(), run.drawer().network_rows());
  if (absl::Status written = record.Finish(); !written.ok()) return written;
  log << plan->images() * static_cast<int64_t>(plan->weight_types.size())
      << " pictures and overview.png in " << config->output_dir << '\n';
  return absl::OkStatus();
}

}  // namespace draftp
