// ModelPair: two ranks share each evaluation of a sampling step, for the latency of one image.
#ifndef DRAFTP_SHARD_MODEL_PAIR_H_
#define DRAFTP_SHARD_MODEL_PAIR_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "draftp/sampling/noise_predictor.h"
#include "draftp/shard/world.h"

namespace draftp {

// How many of a step's row groups rank 0 evaluates, of two or more: up to the change of model that
// is nearest the middle, and half of them (unconditional | conditional) where there is one model.
inline std::size_t FirstRanksGroups(std::span<const RowGroup> rows) {
  const auto off_middle = [&](std::size_t i) {
    return std::max(2 * i, rows.size()) - std::min(2 * i, rows.size());
  };
  std::size_t nearest = 0;  // none: as far off as can be
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const bool changes = rows[i].model != rows[i - 1].model;
    if (changes && off_middle(i) < off_middle(nearest)) nearest = i;
  }
  return nearest > 0 ? nearest : rows.size() / 2;
}

// NoisePredictor of two ranks that call it with the same x, times and row groups, without gradient:
// each asks its own `predictor` for its groups alone, and both get all. One group alone is
// evaluated by both, without an exchange. So two ranks whose devices compute alike hold the same
// latents bit for bit, as long as noise, sampler and guidance are the same.
//
// On a GPU the exchange is queued on the current stream behind the predictor's work; the host
// doesn't wait.
template <NoisePredictor P>
class ModelPair {
 public:
  // Not owned. `world` has two ranks, or is one process or null: then the predictor serves alone.
  ModelPair(P& predictor, World* world) : predictor_(&predictor), world_(world) {
    TORCH_CHECK(!world_ || world_->size() <= 2, "a model pair has two ranks, its world ",
                world_->size());
  }

  // x [B,C,h,w] -> [rows.size()*B,C,h,w] in the predictor's dtype, row-group-major.
  at::Tensor operator()(const at::Tensor& x, double time, std::span<const RowGroup> rows) {
    if (world_ == nullptr || world_->size() == 1 || rows.size() == 1)
      return (*predictor_)(x, time, rows);
    const std::size_t first = FirstRanksGroups(rows);
    const at::Tensor own =
        (*predictor_)(x, time, world_->first() ? rows.first(first) : rows.subspan(first));
    TORCH_CHECK(!own.requires_grad(), "a model pair evaluates without gradient");
    return Exchange(own, x.size(0) * static_cast<int64_t>(first),
                    x.size(0) * static_cast<int64_t>(rows.size() - first));
  }

 private:
  // The first rank's rows, then the second's; `own` is one of them.
  at::Tensor Exchange(const at::Tensor& own, int64_t first, int64_t second) const {
    const int64_t most = std::max(first, second);
    const at::Tensor sent =
        own.size(0) == most
            ? own.contiguous()
            : at::constant_pad_nd(own.contiguous(), {0, 0, 0, 0, 0, 0, 0, most - own.size(0)});
    const at::Tensor all =
        at::empty({2 * most, own.size(1), own.size(2), own.size(3)}, sent.options());
    world_->Gather("the exchange of predictions", all, sent);
    if (first == second) return all;
    return at::cat({all.narrow(0, 0, first), all.narrow(0, most, second)});
  }

  P* predictor_;
  World* world_;
};

static_assert(NoisePredictor<ModelPair<internal::PredictorArchetype>>,
              "ModelPair does not satisfy NoisePredictor");

}  // namespace draftp

#endif  // DRAFTP_SHARD_MODEL_PAIR_H_
