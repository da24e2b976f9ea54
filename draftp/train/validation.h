// Validations of a training run: the same prompts and noise by both models, scored and drawn side
// by side.
#ifndef DRAFTP_TRAIN_VALIDATION_H_
#define DRAFTP_TRAIN_VALIDATION_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "draftp/io/png.h"
#include "draftp/reward/clip_reward.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/sdxl/conditioner.h"
#include "draftp/sdxl/drawer.h"
#include "draftp/shard/world.h"
#include "draftp/train/alarms.h"
#include "draftp/train/micro_batch.h"
#include "draftp/train/training_model.h"

namespace draftp {

struct ValidationOptions {
  std::vector<std::string> prompts;
  int64_t images_per_prompt = 2;
  int64_t batch_size = 4;                                  // images at once
  std::function<bool()> cancelled = [] { return false; };  // asked before each batch
  World* world = nullptr;  // whose ranks share the batches; null: this process draws all
};

// What a validation gives.
struct ValidationResult {
  ValidationScores scores;
  RgbImage sheet;  // a row of images for each prompt and model, with its mean reward
};

// `model`, `reward` and `held_out` (may be null) must outlive it. Image j of prompt p starts from a
// generator seeded (seed + 2^31 + p * images_per_prompt + j): never the noise of a training sample.
// The base model's images are drawn once.
class Validation {
 public:
  Validation(const TrainingModel& model, const CompositeReward& reward,
             const CompositeReward* held_out, const SdxlStepOptions& sampling,
             ValidationOptions options);

  // The same on all ranks. Cancelled where `cancelled` said so.
  absl::StatusOr<ValidationResult> Run();

 private:
  // A reward of one model's images, float64 on the CPU.
  struct Scored {
    at::Tensor sum;                   // [n]; undefined without a reward
    std::vector<at::Tensor> members;  // [n] each, raw
    void Put(int64_t begin, int64_t images, const CompositeReward& reward, const at::Tensor& pixels,
             const std::vector<std::string>& captions);
  };
  // One model's images.
  struct Drawn {
    at::Tensor pixels;  // [n,3,H,W] float32 on the CPU, 0..255
    at::Tensor rgb;     // [n,H,W,3] uint8
    Scored rewards, held_out;
    at::Tensor embeddings;  // [n,P], undefined where no member has an image tower
    at::Tensor clamped;     // [n] float64, of each image's pixels

    std::vector<at::Tensor*> Parts();  // those that are there
    Drawn Zeros() &&;
  };

  int64_t images() const;
  absl::StatusOr<Drawn> Draw(int network);
  // Images [begin, begin + count). `decodes`: how often the decoder runs, on all ranks where they
  // gather its weights.
  absl::Status DrawBatch(Drawer& drawer, int network, int64_t begin, int64_t count, int64_t decodes,
                         Drawn& drawn);
  ValidationSide Side(const Drawn& drawn) const;
  // Puts the ranks' images together; those of others are zero in `drawn`.
  void Share(Drawn& drawn) const;
  absl::StatusOr<RgbImage> Sheet(const Drawn& tuned) const;

  const TrainingModel& model_;
  const CompositeReward& reward_;
  const CompositeReward* held_out_;
  const SdxlStepOptions& sampling_;
  ValidationOptions options_;
  Conditioner conditioner_;
  const ClipReward* embedder_ = nullptr;
  std::optional<Drawn> base_;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_VALIDATION_H_
