#include "draftp/anneal/anneal_run.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_format.h>

#include <optional>
#include <utility>

#include "draftp/io/count.h"
#include "draftp/io/png.h"
#include "draftp/schedule/spacings.h"
#include "draftp/version.h"

namespace draftp {
namespace {

constexpr int kRank = 0;  // of a single process

std::vector<WeightType> DrawnTypes(const std::vector<AnnealColumn>& columns) {
  std::vector<WeightType> types;
  for (const AnnealColumn& column : columns) {
    if (column.drawn) types.push_back(column.type);
  }
  return types;
}

}  // namespace

AnnealRun::AnnealRun(const AnnealConfig& config, const AnnealPlan& plan, const SdxlModel& model,
                     OutputFolder& folder, NoiseSchedule schedule, Options options, Notices& log)
    : config_(config),
      plan_(plan),
      folder_(folder),
      options_(std::move(options)),
      progress_(
          log.live(),
          {.total_images = plan.images() * static_cast<int64_t>(plan.weight_types.size()),
           .total_work = plan.images() * WorkPerImage(DrawnTypes(options_.columns), schedule)}),
      schedule_(schedule),
      drawer_(model, plan, std::move(schedule),
              {.size = options_.size,
               .negative_prompt = config.negative_prompt,
               .warn = [&log](const std::string& line) { log.WarnEach(CutCaptions(), line); },
               .on_work = [this](int64_t units) { progress_.AddWork(units); }}),
      sheet_(SheetLabels(), static_cast<int>(options_.size.width),
             static_cast<int>(options_.size.height)) {}

uint64_t AnnealRun::SeedOf(int64_t image) const {
  return config_.seed + (NoiseStreams::PerImage(config_.noise) ? static_cast<uint64_t>(image) : 0);
}

ContactSheetLabels AnnealRun::SheetLabels() const {
  ContactSheetLabels labels;
  labels.title = absl::StrFormat("%s, %s, %s, guidance %g, seed %u", config_.sampling.sampler,
                                 ParseNoiseLevels(config_.sampling.NoiseLevels())->name(),
                                 Count(config_.sampling.steps, "step"),
                                 config_.sampling.guidance_scale, config_.seed);
  for (int64_t image = 0; image < plan_.images(); ++image) {
    labels.rows.push_back(plan_.PromptOf(image));
    // Of several pictures of one prompt, what tells their rows apart.
    if (plan_.images_per_prompt == 1) continue;
    labels.row_notes.push_back(NoiseStreams::PerImage(config_.noise)
                                   ? absl::StrFormat("seed %u", SeedOf(image))
                                   : absl::StrFormat("image %d", image));
  }
  for (const AnnealColumn& column : options_.columns) labels.columns.push_back(column.type.text);
  return labels;
}

absl::StatusOr<ImageRecord> AnnealRun::RecordOf(const AnnealColumn& column, int64_t image) {
  if (!identified_) {
    if (absl::Status status = options_.identify(options_.columns); !status.ok()) return status;
    identified_ = true;
  }
  return ImageRecord{.weight_type = column.type.text,
                     .index = image,
                     .rank = kRank,
                     .prompt = plan_.PromptOf(image),
                     .negative_prompt = config_.negative_prompt,
                     .seed = SeedOf(image),
                     .made_by = column.made_by};
}

absl::StatusOr<std::vector<int64_t>> AnnealRun::Missing(size_t column,
                                                        const std::vector<int64_t>& images) {
  if (!config_.skip_existing) return images;
  std::vector<int64_t> missing, kept;
  std::vector<RgbImage> pictures;
  for (const int64_t image : images) {
    const auto record = RecordOf(options_.columns[column], image);
    if (!record.ok()) return record.status();
    auto picture = ReadExistingImage(config_.output_dir, *record);
    (picture ? kept : missing).push_back(image);
    if (picture) pictures.push_back(*std::move(picture));
  }
  if (!missing.empty() && !NoiseStreams::PerImage(config_.noise))
    return images;  // its noise is a batch's
  const auto count = static_cast<int64_t>(kept.size());
  kept_ += count;
  progress_.Keep(count, count * WorkPerImage({options_.columns[column].type}, schedule_));
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

absl::Status AnnealRun::Write(const AnnealColumn& column, const std::vector<int64_t>& images,
                              const std::vector<RgbImage>& pictures) {
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  for (size_t b = 0; b < images.size(); ++b) {
    const auto record = RecordOf(column, images[b]);
    if (!record.ok()) return record.status();
    absl::Status written = WriteImageFiles(config_.output_dir, *record, pictures[b]);
    if (!written.ok()) return written;
  }
  drawn_ += static_cast<int64_t>(images.size());
  return absl::OkStatus();
}

void AnnealRun::Show(size_t column, const std::vector<int64_t>& images,
                     const std::vector<RgbImage>& pictures) {
  for (size_t b = 0; b < images.size(); ++b)
    sheet_.SetCell(static_cast<int>(images[b]), static_cast<int>(column), pictures[b]);
}

absl::Status AnnealRun::DrawBatch(size_t column, const NoiseStreams& streams,
                                  const std::vector<int64_t>& images) {
  progress_.SetLabel(options_.columns[column].type.text);
  const auto missing = Missing(column, images);
  if (!missing.ok()) return missing.status();
  AnyNoise noise = streams.ForBatch(missing->empty() ? images : *missing);
  if (missing->empty()) {
    noise.Initial(drawer_.NoiseShape(
        static_cast<int64_t>(images.size())));  // a rank's stream goes on behind it
    return absl::OkStatus();
  }
  if (absl::Status encoded = SetCaptions(*missing); !encoded.ok()) return encoded;
  const auto latents = drawer_.Latents(options_.columns[column].type, noise);
  if (!latents.ok()) return latents.status();
  const auto pictures = drawer_.Pictures(*latents);
  if (!pictures.ok()) return pictures.status();
  if (absl::Status written = Write(options_.columns[column], *missing, *pictures); !written.ok())
    return written;
  Show(column, *missing, *pictures);
  progress_.AddImages(static_cast<int64_t>(missing->size()));
  return absl::OkStatus();
}

absl::Status AnnealRun::ShowEarlier() {
  for (size_t c = 0; c < options_.columns.size(); ++c) {
    for (int64_t image = 0; image < plan_.images() && !options_.columns[c].drawn; ++image) {
      const auto record = RecordOf(options_.columns[c], image);
      if (!record.ok()) return record.status();
      if (const auto picture = ReadExistingImage(config_.output_dir, *record))
        sheet_.SetCell(static_cast<int>(image), static_cast<int>(c), *picture);
    }
  }
  return absl::OkStatus();
}

absl::Status AnnealRun::DrawAll() {
  std::vector<std::optional<NoiseStreams>> noise;  // of each weight type: all see the same
  for (const AnnealColumn& column : options_.columns) {
    noise.emplace_back();
    if (!column.drawn) continue;
    if (absl::Status made = folder_.MakeSubfolder(WeightTypeFolder(column.type.text)); !made.ok())
      return made;
    auto streams = NoiseStreams::Named(config_.noise, config_.seed, kRank);
    if (!streams.ok()) return streams.status();
    noise.back() = *std::move(streams);
  }
  for (int64_t b = 0; b < plan_.batches(); ++b) {
    for (size_t c = 0; c < options_.columns.size(); ++c) {
      if (!options_.columns[c].drawn) continue;
      if (absl::Status drawn = DrawBatch(c, *noise[c], plan_.Batch(b)); !drawn.ok()) return drawn;
    }
  }
  progress_.Finish();
  return ShowEarlier();
}

absl::Status AnnealRun::WriteOverview() const {
  const auto sheet = sheet_.Draw();
  if (!sheet.ok()) return sheet.status();
  return WritePng(config_.output_dir + "/overview.png", *sheet,
                  {{"Software", absl::StrFormat("draftp %s", kVersion)}});
}

}  // namespace draftp
