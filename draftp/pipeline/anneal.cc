#include "draftp/pipeline/anneal.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <string>
#include <utility>
#include <vector>

#include "draftp/io/config_json.h"
#include "draftp/io/contact_sheet.h"
#include "draftp/pipeline/anneal_plan.h"
#include "draftp/pipeline/compute_device.h"
#include "draftp/pipeline/embedded.h"
#include "draftp/pipeline/exit_code.h"
#include "draftp/pipeline/image_drawer.h"
#include "draftp/pipeline/image_output.h"
#include "draftp/pipeline/newest_checkpoint.h"
#include "draftp/pipeline/output_folder.h"
#include "draftp/pipeline/pack_model.h"
#include "draftp/pipeline/progress.h"
#include "draftp/pipeline/run_record.h"
#include "draftp/pipeline/sdxl_model.h"

namespace draftp {
namespace {

constexpr int kRank = 0;  // of a single process

// One run from its model to its last picture.
class AnnealRun {
 public:
  AnnealRun(const AnnealConfig& config, const AnnealPlan& plan, const SdxlModel& model,
            OutputFolder& folder, PictureSize size, NoiseSchedule schedule, std::ostream& log,
            bool terminal)
      : config_(config),
        plan_(plan),
        folder_(folder),
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
  absl::Status DrawBatch(const WeightType& type, int column, const NoiseStreams& streams,
                         const std::vector<int64_t>& images);
  // Those images of the batch that are to be drawn; what an earlier run has left is shown.
  std::vector<int64_t> Missing(const WeightType& type, int column,
                               const std::vector<int64_t>& images);
  absl::Status SetCaptions(const std::vector<int64_t>& images);
  absl::Status Write(const WeightType& type, const std::vector<int64_t>& images,
                     const std::vector<RgbImage>& pictures);
  void Show(int column, const std::vector<int64_t>& images, const std::vector<RgbImage>& pictures);

  const AnnealConfig& config_;
  const AnnealPlan& plan_;
  OutputFolder& folder_;
  PictureSize size_;
  Progress progress_;
  std::vector<double> sigmas_;
  ImageDrawer drawer_;
  ContactSheet sheet_;
  std::vector<int64_t> captioned_;  // images whose captions the drawer has
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

std::vector<int64_t> AnnealRun::Missing(const WeightType& type, int column,
                                        const std::vector<int64_t>& images) {
  if (!config_.skip_existing) return images;
  std::vector<int64_t> missing, kept;
  std::vector<RgbImage> pictures;
  for (const int64_t image : images) {
    auto picture = ReadExistingImage(config_.output_dir, RecordOf(type, image));
    (picture ? kept : missing).push_back(image);
    if (picture) pictures.push_back(*std::move(picture));
  }
  if (!missing.empty() && config_.noise == "original") return images;  // its noise is a batch's
  progress_.AddWork(static_cast<int64_t>(kept.size()) * WorkPerImage({type}, sigmas_));
  Show(column, kept, pictures);
  return missing;
}

absl::Status AnnealRun::SetCaptions(const std::vector<int64_t>& images) {
  if (images == captioned_) return absl::OkStatus();
  std::vector<std::string> captions;
  for (const int64_t image : images) captions.push_back(plan_.PromptOf(image));
  captioned_ = images;
  return drawer_.SetCaptions(captions);
}

absl::Status AnnealRun::Write(const WeightType& type, const std::vector<int64_t>& images,
                              const std::vector<RgbImage>& pictures) {
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  for (size_t b = 0; b < images.size(); ++b) {
    absl::Status written =
        WriteImageFiles(config_.output_dir, RecordOf(type, images[b]), pictures[b]);
    if (!written.ok()) return written;
  }
  drawn_ += static_cast<int64_t>(images.size());
  return absl::OkStatus();
}

void AnnealRun::Show(int column, const std::vector<int64_t>& images,
                     const std::vector<RgbImage>& pictures) {
  for (size_t b = 0; b < images.size(); ++b)
    sheet_.SetCell(static_cast<int>(images[b]), column, pictures[b]);
  progress_.AddImages(static_cast<int64_t>(images.size()));
}

absl::Status AnnealRun::DrawBatch(const WeightType& type, int column, const NoiseStreams& streams,
                                  const std::vector<int64_t>& images) {
  progress_.SetLabel(type.text);
  const std::vector<int64_t> missing = Missing(type, column, images);
  AnyNoise noise = streams.ForBatch(missing.empty() ? images : missing);
  if (missing.empty()) {
    noise.Initial(drawer_.NoiseShape(
        static_cast<int64_t>(images.size())));  // a rank's stream goes on behind it
    return absl::OkStatus();
  }
  if (absl::Status encoded = SetCaptions(missing); !encoded.ok()) return encoded;
  const auto latents = drawer_.Latents(type, noise);
  if (!latents.ok()) return latents.status();
  const auto pictures = drawer_.Pictures(*latents);
  if (!pictures.ok()) return pictures.status();
  if (absl::Status written = Write(type, missing, *pictures); !written.ok()) return written;
  Show(column, missing, *pictures);
  return absl::OkStatus();
}

absl::Status AnnealRun::DrawAll() {
  std::vector<NoiseStreams> noise;  // of each weight type: all see the same
  for (const WeightType& type : plan_.weight_types) {
    if (absl::Status made = folder_.MakeSubfolder(WeightTypeFolder(type.text)); !made.ok())
      return made;
    auto streams = NoiseStreams::Named(config_.noise, config_.seed, kRank);
    if (!streams.ok()) return streams.status();
    noise.push_back(*std::move(streams));
  }
  for (int64_t b = 0; b < plan_.batches(); ++b) {
    for (size_t t = 0; t < plan_.weight_types.size(); ++t) {
      absl::Status drawn =
          DrawBatch(plan_.weight_types[t], static_cast<int>(t), noise[t], plan_.Batch(b));
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
  auto folder = OutputFolder::Open(config->output_dir);
  if (!folder.ok()) return folder.status();
  if (!folder->locked()) {
    log << "warning: " << config->output_dir
        << ": its file system has no locks; let no other run write into it\n";
  }

  auto model = SdxlModel::Load({.model = config->model,
                                .lora = config->lora,
                                .lora_scale = config->lora_scale,
                                .tuned = config->tuned},
                               *device);
  if (!model.ok()) return AsFailure(model.status());
  if (PacksWeights(device->network)) PackForInference(*model);
  auto schedule = MakeNoiseSchedule(*config, model->scheduler);
  if (!schedule.ok()) return schedule.status();
  const auto size = ChooseSize(*config, model->default_size, model->vae.config.Downsampling());
  if (!size.ok()) return size.status();
  RunRecord record(ConfigValuesToJson(AnnealTable().Print(*config)), config->output_dir, *device,
                   model->weight_files);
  record.SetSeconds("load", Progress::WallSeconds() - begin);
  if (absl::Status written = record.Write(); !written.ok()) return written;

  AnnealRun run(*config, *plan, *model, *folder, *size, *std::move(schedule), log, terminal);
  if (absl::Status drawn = run.DrawAll(); !drawn.ok()) return drawn;
  if (absl::Status there = folder->Check(); !there.ok()) return there;
  if (absl::Status written = run.WriteOverview(); !written.ok()) return written;
  record.SetSeconds("encode", run.drawer().timings().encode);
  record.SetSeconds("sample", run.drawer().timings().sample);
  record.SetSeconds("decode", run.drawer().timings().decode);
  record.SetSeconds("total", Progress::WallSeconds() - begin);
  record.Set("images_drawn", run.drawn());
  record.Set("network_rows", run.drawer().network_rows());
  if (absl::Status written = record.Finish(); !written.ok()) return written;
  log << plan->images() * static_cast<int64_t>(plan->weight_types.size())
      << " pictures and overview.png in " << config->output_dir << '\n';
  return absl::OkStatus();
}

}  // namespace draftp
