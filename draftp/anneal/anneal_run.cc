#include "draftp/anneal/anneal_run.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <utility>

#include "draftp/anneal/anneal_folder.h"
#include "draftp/anneal/anneal_ranks.h"
#include "draftp/io/count.h"
#include "draftp/io/png.h"
#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/schedule/spacings.h"
#include "draftp/version.h"

namespace draftp {
namespace {

// On a small network and a GPU pictures are drawn ten times as fast as one thread writes them.
int WritingThreads() { return std::clamp(cpu::Threads() / 2, 1, 8); }

std::vector<Blend> DrawnBlends(const std::vector<AnnealColumn>& columns) {
  std::vector<Blend> blends;
  for (const AnnealColumn& column : columns) {
    if (column.drawn) blends.push_back(column.blend);
  }
  return blends;
}

}  // namespace

std::vector<Blend> BlendsIn(const std::vector<AnnealColumn>& columns) {
  std::vector<Blend> blends;
  for (const AnnealColumn& column : columns) blends.push_back(column.blend);
  return blends;
}

std::vector<std::string> TextsOf(const std::vector<AnnealColumn>& columns) {
  std::vector<std::string> texts;
  for (const AnnealColumn& column : columns) texts.push_back(column.blend.text);
  return texts;
}

AnnealRun::AnnealRun(const AnnealConfig& config, const AnnealPlan& plan, const SdxlModel& model,
                     NoiseSchedule schedule, Options options, Notices& log)
    : config_(config),
      plan_(plan),
      options_(std::move(options)),
      progress_(log.live(),
                {.total_images = plan.own_images() * static_cast<int64_t>(plan.blends.size()),

                 .total_work =
                     plan.own_images() * WorkPerImage(DrawnBlends(options_.columns), schedule)}),
      schedule_(schedule),
      drawer_(model, plan, std::move(schedule),
              {.size = options_.size,
               .negative_prompt = config.negative_prompt,
               .warn =
                   [this, &log](const std::string& line) {
                     if (!IsPartner()) log.WarnEach(CutCaptions(), line);
                   },
               .on_work =
                   [this](int64_t units) {
                     progress_.AddWork(units);
                     options_.after_step(batch_);
                   },
               .pair = options_.pair,
               .warn_of_decoder = [&log](const std::string& line) { log.Warn(line); }}),
      sheet_(SheetLabels(), static_cast<int>(options_.size.width),
             static_cast<int>(options_.size.height)),
      writing_(WritingThreads()) {}

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
  labels.columns = TextsOf(options_.columns);
  return labels;
}

absl::StatusOr<ImageRecord> AnnealRun::RecordOf(const AnnealColumn& column, int64_t image) {
  if (!identified_) {
    if (absl::Status status = options_.identify(options_.columns); !status.ok()) return status;
    identified_ = true;
  }
  ImageRecord record{.weight_type = column.blend.text,
                     .index = image,
                     .rank = plan_.RankOf(image),
                     .prompt = plan_.PromptOf(image),
                     .negative_prompt = config_.negative_prompt,
                     .seed = SeedOf(image),
                     .made_by = column.made_by};
  record.parameters = WebUiText(record, config_.sampling, options_.size, column.web_ui);
  return record;
}

absl::StatusOr<std::optional<AnnealRun::Existing>> AnnealRun::Find(size_t column, int64_t image) {
  auto record = RecordOf(options_.columns[column], image);
  if (!record.ok()) return record.status();
  std::vector<int> ranks = {record->rank};
  // A stream of noise is a rank's; else a run of any size has drawn the same.
  const auto found = found_[column].find(image);
  if (NoiseStreams::PerImage(config_.noise) && found != found_[column].end())
    ranks.insert(ranks.end(), found->second.begin(), found->second.end());
  for (const int rank : ranks) {
    record->rank = rank;
    if (auto picture = ReadExistingImage(config_.output_dir, *record))
      return Existing{*std::move(picture), rank};
  }
  return std::nullopt;
}

void AnnealRun::RemoveOthers(size_t column, int64_t image, int rank) const {
  const auto found = found_[column].find(image);
  if (plan_.each_draws_all || found == found_[column].end()) return;
  RemoveOtherRanks(config_.output_dir, options_.columns[column].blend.text, image, rank,
                   found->second);
}

absl::StatusOr<std::vector<int64_t>> AnnealRun::Missing(size_t column,
                                                        const std::vector<int64_t>& images) {
  if (!config_.skip_existing) return images;
  std::vector<int64_t> missing, kept;
  std::vector<int> ranks;
  std::vector<RgbImage> pictures;
  for (const int64_t image : images) {
    auto existing = Find(column, image);
    if (!existing.ok()) return existing.status();
    (*existing ? kept : missing).push_back(image);
    if (!*existing) continue;
    ranks.push_back((*existing)->rank);
    pictures.push_back(std::move((*existing)->picture));
  }
  if (!missing.empty() && !NoiseStreams::PerImage(config_.noise))
    return images;  // its noise is a batch's
  const auto count = static_cast<int64_t>(kept.size());
  kept_ += count;
  progress_.Keep(count, count * WorkPerImage({options_.columns[column].blend}, schedule_));
  Show(column, kept, pictures);
  for (size_t i = 0; i < kept.size(); ++i) RemoveOthers(column, kept[i], ranks[i]);
  return missing;
}

absl::StatusOr<std::vector<int64_t>> AnnealRun::ToDraw(size_t column,
                                                       const std::vector<int64_t>& images) {
  if (options_.pair == nullptr) return Missing(column, images);
  std::vector<int64_t> drawn(images.size(), 0);  // 1: is to be
  if (!IsPartner()) {
    const auto missing = Missing(column, images);
    if (!missing.ok()) return missing.status();
    for (size_t i = 0; i < images.size(); ++i)
      drawn[i] = std::ranges::find(*missing, images[i]) != missing->end() ? 1 : 0;
  }
  drawn = SumOverRanks("what is to be drawn", drawn, *options_.pair);
  std::vector<int64_t> missing;
  for (size_t i = 0; i < images.size(); ++i) {
    if (drawn[i] != 0) missing.push_back(images[i]);
  }
  return missing;
}

absl::Status AnnealRun::SetCaptions(const std::vector<int64_t>& images) {
  if (images == captioned_) return absl::OkStatus();
  std::vector<std::string> captions;
  for (const int64_t image : images) captions.push_back(plan_.PromptOf(image));
  captioned_ = images;
  return drawer_.SetCaptions(captions);
}

absl::Status AnnealRun::Write(size_t column, const std::vector<int64_t>& images,
                              std::vector<RgbImage> pictures) {
  if (absl::Status there = options_.check_folder(); !there.ok()) return there;
  for (size_t b = 0; b < images.size(); ++b) {
    auto record = RecordOf(options_.columns[column], images[b]);
    if (!record.ok()) return record.status();
    absl::Status taken = writing_.Add([this, column, image = images[b], record = *std::move(record),
                                       picture = std::move(pictures[b])] {
      absl::Status written = WriteImageFiles(config_.output_dir, record, picture);
      if (!written.ok()) return written;
      RemoveOthers(column, image, record.rank);
      Show(column, {image}, {picture});
      return absl::OkStatus();
    });
    if (!taken.ok()) return taken;
  }
  drawn_ += static_cast<int64_t>(images.size());
  return absl::OkStatus();
}

void AnnealRun::Show(size_t column, const std::vector<int64_t>& images,
                     const std::vector<RgbImage>& pictures) {
  for (size_t b = 0; b < images.size(); ++b)
    sheet_.SetCell(static_cast<int>(images[b]), static_cast<int>(column), pictures[b]);
}

absl::Status AnnealRun::Finish(size_t column, const std::vector<int64_t>& images,
                               const at::Tensor& latents) {
  auto pictures = drawer_.Pictures(latents);
  if (!pictures.ok()) return pictures.status();
  if (absl::Status taken = Write(column, images, *std::move(pictures)); !taken.ok()) return taken;
  progress_.AddImages(static_cast<int64_t>(images.size()));
  return absl::OkStatus();
}

absl::Status AnnealRun::DrawBatch(size_t column, const NoiseStreams& streams,
                                  const std::vector<int64_t>& images) {
  progress_.SetLabel(options_.columns[column].blend.text);
  const auto missing = ToDraw(column, images);
  if (!missing.ok()) return missing.status();
  AnyNoise noise = streams.ForBatch(missing->empty() ? images : *missing);
  if (missing->empty()) {
    noise.Initial(drawer_.NoiseShape(
        static_cast<int64_t>(images.size())));  // a rank's stream goes on behind it
    return absl::OkStatus();
  }
  if (absl::Status encoded = SetCaptions(*missing); !encoded.ok()) return encoded;
  const auto latents = drawer_.Latents(options_.columns[column].blend, noise);
  if (!latents.ok()) return latents.status();
  return IsPartner() ? absl::OkStatus() : Finish(column, *missing, *latents);
}

absl::Status AnnealRun::ShowOthers() {
  const int64_t rows = std::min<int64_t>(plan_.images(), sheet_.rows_shown());
  for (size_t c = 0; c < options_.columns.size(); ++c) {
    for (int64_t image = 0; image < rows; ++image) {
      if (options_.columns[c].drawn && plan_.RankOf(image) == plan_.rank) continue;
      const auto existing = Find(c, image);
      if (!existing.ok()) return existing.status();
      if (*existing) Show(c, {image}, {(*existing)->picture});
    }
  }
  return absl::OkStatus();
}

absl::Status AnnealRun::DrawAll() {
  std::vector<std::optional<NoiseStreams>> noise;  // of each weight type: all see the same
  found_.clear();
  for (const AnnealColumn& column : options_.columns) {
    found_.push_back(PicturesIn(config_.output_dir, column.blend.text));
    noise.emplace_back();
    if (!column.drawn) continue;
    auto streams = NoiseStreams::Named(config_.noise, config_.seed, plan_.rank);
    if (!streams.ok()) return streams.status();
    noise.back() = *std::move(streams);
  }
  for (batch_ = 0; batch_ < plan_.batches(); ++batch_) {
    for (size_t c = 0; c < options_.columns.size(); ++c) {
      if (!options_.columns[c].drawn) continue;
      if (absl::Status drawn = DrawBatch(c, *noise[c], plan_.Batch(batch_)); !drawn.ok())
        return drawn;
      options_.after_step(batch_);
    }
  }
  if (absl::Status written = writing_.Finish(); !written.ok()) return written;
  progress_.Finish();
  return absl::OkStatus();
}

absl::Status AnnealRun::WriteOverview() {
  if (absl::Status shown = ShowOthers(); !shown.ok()) return shown;
  const auto sheet = sheet_.Draw();
  if (!sheet.ok()) return sheet.status();
  return WritePng(config_.output_dir + "/overview.png", *sheet,
                  {{"Software", absl::StrFormat("draftp %s", kVersion)}});
}

}  // namespace draftp
