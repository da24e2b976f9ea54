// Rewrites a network's weights into the form that the CPU kernels read.
#ifndef DRAFTP_MODEL_PACK_WEIGHTS_H_
#define DRAFTP_MODEL_PACK_WEIGHTS_H_

#include <string>
#include <utility>

#include "draftp/kernels/placement.h"
#include "draftp/kernels/product.h"
#include "draftp/model/visit_weights.h"

namespace draftp {

// Whether packing serves a network of this placement: float32 on a CPU.
inline bool PacksWeights(const Placement& placement) {
  return placement.device.is_cpu() && placement.dtype == at::kFloat;
}

// A visitor for VisitWeights: packs each linear layer and convolution, and lets go of the plain
// weight, so that memory holds one of the two. The network is then for inference alone; its values
// are those of the plain one, to rounding. Merge adapters before.
//
//   VisitWeights(unet, PackWeights());
struct PackWeights {
  void operator()(const std::string&, LinearWeights& layer) const {
    layer.packed = kernels::PackForCpu(std::exchange(layer.weight, {}));
  }
  void operator()(const std::string&, ConvWeights& layer) const {
    layer.packed = kernels::PackForCpu(
        std::exchange(layer.weight, {}),
        {.stride = layer.stride, .padding = layer.padding, .resizes = layer.resizes});
  }
  void operator()(const std::string&, NormWeights&) const {}
};

}  // namespace draftp

#endif  // DRAFTP_MODEL_PACK_WEIGHTS_H_
