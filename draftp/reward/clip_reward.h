// Rewards that compare a picture with its caption through a CLIP model: PickScore, HPSv2,
// CLIPScore.
#ifndef DRAFTP_REWARD_CLIP_REWARD_H_
#define DRAFTP_REWARD_CLIP_REWARD_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/kernels/placement.h"
#include "draftp/objective/reward.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp {

struct ClipTowers;

// cos: between the embeddings of image and caption.
enum class ClipRewardKind : uint8_t {
  kPickScore,  // exp(logit_scale) cos: Kirstain et al., "Pick-a-Pic", 2023
  kHpsV2,      // cos: Wu et al., "Human Preference Score v2", 2023
  kClipScore,  // 100 max(cos, 0): torchmetrics' CLIPScore of one pair (which clamps the mean of a
               // batch); it has no gradient where it is 0
};

struct ClipRewardOptions {
  Placement placement = {};
  // For a folder without tokenizer files; copied.
  const ClipTokenizer* fallback_tokenizer = nullptr;
  AnyPiecePolicy pieces = {};  // of each layer of both towers
};

// Copies share the weights. Safe for use by several threads, where the pieces' weights stay.
//
//   auto reward = ClipReward::Load("pickscore", {.fallback_tokenizer = &tokenizer});
//   if (!reward.ok()) return reward.status();
//   const at::Tensor text = reward->EncodeCaptions(captions);   // once
//   const at::Tensor scores = reward->Score(images, text);      // [B], each step
class ClipReward {
 public:
  // Files as LoadClipTowers (clip_towers.h) takes them. draftp_reward.json beside them may say
  // {"kind": "pickscore"|"hpsv2"|"clip_score", "version": "2.1"}. Without one, transformers' layout
  // is PickScore, and open_clip's is HPSv2 of the version in the file's name (HPS_v2.1...,
  // HPS_v2... is 2.0); a name that has none is an error. The tokenizer is that of vocab.json and
  // merges.txt, or tokenizer.json, beside them or in tokenizer/, else the fallback; one whose ids
  // don't fit the text tower is an error. Errors are one line: file, found, expected.
  static absl::StatusOr<ClipReward> Load(const std::string& dir_or_file,
                                         const ClipRewardOptions& options);

  // The same reward, sharing the weights, whose layers run by other pieces.
  ClipReward WithPieces(AnyPiecePolicy pieces) const;

  // Score(images, EncodeCaptions(captions)).
  at::Tensor operator()(const at::Tensor& images, std::span<const std::string> captions) const;

  // [B,P] normalised, float32 (float64 of a float64 model), on the model's device, no gradient.
  // Captions of more tokens than the model takes are cut.
  at::Tensor EncodeCaptions(std::span<const std::string> captions) const;

  // Images [B,3,H,W] in [0,255] on the model's device, text [B,P] of EncodeCaptions -> [B] float32,
  // or float64 where images and model are. Differentiable in the images. After the first call with
  // images of a size nothing waits for the device.
  at::Tensor Score(const at::Tensor& images, const at::Tensor& text) const;

  // [B,P] normalised, dtype as EncodeCaptions'; differentiable.
  at::Tensor ImageEmbedding(const at::Tensor& images) const;
  // Score(images, text) of images of which ImageEmbedding has been taken; dtype as the embedding's.
  at::Tensor ScoreEmbedding(const at::Tensor& embedding, const at::Tensor& text) const;

  // "PickScore", "HPSv2.1", "CLIPScore"; PickScore and CLIPScore with "-version" where one is
  // given.
  std::string name() const;
  ClipRewardKind kind() const;
  int64_t embedding_size() const;  // P
  int64_t image_size() const;      // what images are resized to
  const Placement& placement() const;
  const ClipTowers& towers() const;

 private:
  struct State;
  ClipReward(std::shared_ptr<const State> state, AnyPiecePolicy pieces);

  std::shared_ptr<const State> state_;
  AnyPiecePolicy pieces_;
};

static_assert(CaptionedReward<ClipReward>, "ClipReward is a reward");

}  // namespace draftp

#endif  // DRAFTP_REWARD_CLIP_REWARD_H_
