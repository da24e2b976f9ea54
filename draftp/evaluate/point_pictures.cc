#include "draftp/evaluate/point_pictures.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/evaluate/picture_folder.h"
#include "draftp/io/printable.h"
#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/report/thumbnail.h"

namespace draftp {
namespace {

// A picture's row.
struct Row {
  at::Tensor rewards;    // [R]
  at::Tensor embedding;  // [P]
};

// What is known of pictures, by their SHA-256.
class KeptScores {
 public:
  KeptScores(const ScoringOptions& options, int64_t rewards) : options_(options) {
    const auto file = SafetensorsFile::Open(options.kept);
    if (!file.ok()) return;
    const auto& metadata = (*file)->metadata();
    if (!metadata.contains("scorer") || metadata.at("scorer") != options.scorer ||
        !metadata.contains("pictures")) {
      return;
    }
    const std::vector<std::string> hashes = absl::StrSplit(metadata.at("pictures"), ' ');
    const auto scores = (*file)->Tensor("rewards");
    const auto embeddings = (*file)->Tensor("embeddings");
    const auto n = static_cast<int64_t>(hashes.size());
    if (!scores.ok() || !embeddings.ok() || scores->dim() != 2 || embeddings->dim() != 2 ||
        scores->size(0) != n || embeddings->size(0) != n || scores->size(1) != rewards) {
      return;
    }
    for (int64_t i = 0; i < n; ++i)
      rows_[hashes[static_cast<size_t>(i)]] = {scores->select(0, i).clone(),
                                               embeddings->select(0, i).clone()};
  }

  const Row* Find(const std::string& hash) const {
    const auto row = rows_.find(hash);
    return row == rows_.end() ? nullptr : &row->second;
  }

  void Add(const std::string& hash, Row row) {
    rows_[hash] = std::move(row);
    changed_ = true;
  }

  // What Find has for `hashes`, a row each; kept on the disk where something is new.
  absl::StatusOr<PictureScores> Take(const std::vector<std::string>& hashes) const {
    std::vector<at::Tensor> rewards, embeddings;
    for (const std::string& hash : hashes) {
      rewards.push_back(rows_.at(hash).rewards);
      embeddings.push_back(rows_.at(hash).embedding);
    }
    PictureScores scores{.rewards = at::stack(rewards), .embeddings = at::stack(embeddings)};
    if (changed_) {
      absl::Status written = WriteSafetensors(
          options_.kept, {{"rewards", scores.rewards}, {"embeddings", scores.embeddings}},
          {{"scorer", options_.scorer}, {"pictures", absl::StrJoin(hashes, " ")}});
      if (!written.ok()) return written;
    }
    return scores;
  }

 private:
  const ScoringOptions& options_;
  std::map<std::string, Row> rows_;
  bool changed_ = false;
};

// Scores pictures a batch at a time.
class Batches {
 public:
  Batches(PictureScorer& scorer, KeptScores& kept, const ScoringOptions& options)
      : scorer_(scorer), kept_(kept), options_(options) {}

  absl::Status Add(CaptionedPicture picture) {
    batch_.push_back(std::move(picture));
    return static_cast<int64_t>(batch_.size()) < options_.batch_size ? absl::OkStatus() : Finish();
  }

  absl::Status Finish() {
    if (batch_.empty()) return absl::OkStatus();
    const auto scores = scorer_.Score(batch_);
    if (!scores.ok()) return scores.status();
    for (size_t i = 0; i < batch_.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      kept_.Add(batch_[i].sha256,
                {scores->rewards.select(0, row), scores->embeddings.select(0, row)});
    }
    options_.on_images(static_cast<int64_t>(batch_.size()));
    batch_.clear();
    return absl::OkStatus();
  }

 private:
  PictureScorer& scorer_;
  KeptScores& kept_;
  const ScoringOptions& options_;
  std::vector<CaptionedPicture> batch_;
};

absl::Status CheckSize(const CaptionedPicture& picture, const std::string& first,
                       const RgbImage& expected) {
  if (picture.image.width == expected.width && picture.image.height == expected.height)
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(Printable(picture.path, 1000), ": found ", picture.image.width, "x",
                   picture.image.height, " pixels, expected ", expected.width, "x", expected.height,
                   " as in ", Printable(first, 1000)));
}

// A picture with what is kept of it once it has been scored.
struct SeenPicture {
  CaptionedPicture picture;
  PixelStatistics pixels;
  std::string thumbnail;
};

absl::StatusOr<SeenPicture> See(const std::string& path) {
  auto picture = ReadCaptionedPicture(path);
  if (!picture.ok()) return picture.status();
  auto thumbnail = Thumbnail(picture->image);
  if (!thumbnail.ok()) return thumbnail.status();
  const PixelStatistics pixels = MeasurePixels(picture->image);
  return SeenPicture{*std::move(picture), pixels, *std::move(thumbnail)};
}

// In the order of `paths`, on all threads.
std::vector<absl::StatusOr<SeenPicture>> SeeAll(std::span<const std::string> paths) {
  std::vector<absl::StatusOr<SeenPicture>> seen(paths.size());
  cpu::ParallelFor(std::ssize(paths), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      seen[i] = See(paths[i]);
  });
  return seen;
}

}  // namespace

absl::StatusOr<PointPictures> ReadPoint(const std::string& folder, PictureScorer& scorer,
                                        const ScoringOptions& options) {
  const auto files = PictureFilesIn(folder);
  if (!files.ok()) return files.status();
  if (files->empty())
    return absl::FailedPreconditionError(
        absl::StrCat(Printable(folder, 1000), ": found no PNG files, expected pictures"));
  KeptScores kept(options, static_cast<int64_t>(scorer.names().size()));
  Batches batches(scorer, kept, options);
  PointPictures point;
  std::vector<std::string> hashes;
  RgbImage first;  // its size alone
  const auto at_once =
      static_cast<size_t>(std::max<int64_t>(options.batch_size, cpu::ThreadsFromHere()));
  for (size_t begin = 0; begin < files->size(); begin += at_once) {
    const std::span paths(*files);
    for (auto& seen : SeeAll(paths.subspan(begin, std::min(at_once, paths.size() - begin)))) {
      if (!seen.ok()) return seen.status();
      CaptionedPicture& picture = seen->picture;
      if (hashes.empty()) first = {picture.image.width, picture.image.height, {}};
      if (absl::Status size = CheckSize(picture, files->front(), first); !size.ok()) return size;
      point.pictures.push_back({.path = picture.path,
                                .caption = picture.caption,
                                .noise = picture.noise,
                                .pixels = seen->pixels,
                                .thumbnail = std::move(seen->thumbnail)});
      hashes.push_back(picture.sha256);
      if (kept.Find(picture.sha256) != nullptr) {
        options.on_images(1);
        continue;
      }
      if (absl::Status added = batches.Add(std::move(picture)); !added.ok()) return added;
    }
  }
  if (absl::Status finished = batches.Finish(); !finished.ok()) return finished;
  auto scores = kept.Take(hashes);
  if (!scores.ok()) return scores.status();
  point.scores = *std::move(scores);
  return point;
}

}  // namespace draftp
