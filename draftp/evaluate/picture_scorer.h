// Scores pictures by all rewards of an evaluation and embeds them, one pass of each network.
#ifndef DRAFTP_EVALUATE_PICTURE_SCORER_H_
#define DRAFTP_EVALUATE_PICTURE_SCORER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "draftp/evaluate/evaluate_config.h"
#include "draftp/evaluate/picture_folder.h"
#include "draftp/reward/clip_reward.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/run/compute_device.h"
#include "draftp/run/input_hashes.h"

namespace draftp {

struct PictureScores {
  at::Tensor rewards;     // [n,R] f64, R as PictureScorer::names() has them
  at::Tensor embeddings;  // [n,P] f32, normalised
};

// The files of the rewards and the embedding, for hashes.
std::vector<InputFile> ScorerFiles(const EvaluateConfig& config);

class PictureScorer {
 public:
  // Errors name flag or file; --reward where no reward is a CLIP model and no --embedding is given.
  static absl::StatusOr<PictureScorer> Load(const EvaluateConfig& config,
                                            const ComputeDevice& device);

  // Of the rewards: of several with weights their sum first, then each, then the held-out ones.
  const std::vector<std::string>& names() const { return names_; }
  // The one that curve and best point go by: the first held-out reward, else the first.
  size_t chosen() const { return chosen_; }

  // Of pictures of one size. DataLoss names the reward that isn't finite, and the picture.
  absl::StatusOr<PictureScores> Score(std::span<const CaptionedPicture> pictures);

 private:
  struct Scored {
    CompositeReward reward;
    std::map<std::string, std::vector<at::Tensor>> texts = {};  // by caption, a row each
  };
  PictureScorer() = default;
  // Appends a column [n] for each of its names.
  void ScoreBy(Scored& scored, const at::Tensor& pixels, std::span<const CaptionedPicture> pictures,
               std::vector<at::Tensor>& columns);
  // Of a CLIP model, once for each batch.
  const at::Tensor& EmbeddingOf(const ClipReward& model, const at::Tensor& pixels);
  static std::vector<at::Tensor> TextsOf(Scored& scored,
                                         std::span<const CaptionedPicture> pictures);

  std::vector<Scored> scored_;  // trained, then held-out
  std::optional<ClipReward> embedding_;
  std::vector<std::string> names_;
  size_t chosen_ = 0;
  Placement placement_;
  std::map<const void*, at::Tensor> embeddings_;  // of the batch at hand, by model
};

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_PICTURE_SCORER_H_
