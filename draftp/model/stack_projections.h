// Lays a UNet's weights out for stacked_linear.h.
#ifndef DRAFTP_MODEL_STACK_PROJECTIONS_H_
#define DRAFTP_MODEL_STACK_PROJECTIONS_H_

#include <concepts>

#include "draftp/kernels/placement.h"
#include "draftp/model/stacked_linear.h"
#include "draftp/model/unet.h"

namespace draftp {

// Whether stacking serves a network of this placement: 16 bits on a GPU, whose large products
// differ little from small ones in what they take.
inline bool StacksProjections(const Placement& placement) {
  return placement.device.is_cuda() &&
         (placement.dtype == at::kBFloat16 || placement.dtype == at::kHalf);
}

// Calls visit(layers) for the projections of each attention that read the same input.
template <class F>
void VisitProjections(UNet& unet, F&& visit) {
  VisitPieces(unet, [&visit]<class Piece>(Piece& piece) {
    if constexpr (std::same_as<Piece, TransformerBlockWeights>) {
      for (AttentionWeights* attention : {&piece.attn1, &piece.attn2}) {
        std::vector<LinearWeights*> layers = {&attention->to_q};
        if (attention->cross_index < 0)
          layers.insert(layers.end(), {&attention->to_k, &attention->to_v});
        visit(layers);
      }
    }
  });
}

// Stacks the projections of every attention, adapters included: attach these before.
inline void StackProjections(UNet& unet) { VisitProjections(unet, StackLayers); }

}  // namespace draftp

#endif  // DRAFTP_MODEL_STACK_PROJECTIONS_H_
