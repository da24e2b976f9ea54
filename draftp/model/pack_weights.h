// Rewrites a network's weights into the form that the CPU kernels read.
#ifndef DRAFTP_MODEL_PACK_WEIGHTS_H_
#define DRAFTP_MODEL_PACK_WEIGHTS_H_

#include <string>
#include <utility>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/cpu/product.h"
#include "draftp/kernels/placement.h"
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
    layer.packed = cpu::Pack(std::exchange(layer.weight, {}));
  }
  void operator()(const std::string& name, ConvWeights& layer) const {
    if (layer.weight.size(2) == 3 && layer.padding == 1 && layer.stride == 1) {
      // Where weights are many, their transforms (16/9 of them) would be what fills the memory.
      constexpr int64_t kMostTransformed = 640 * 640;
      const bool resized = name.find(".upsamplers.") != std::string::npos;
      if (resized) {
        layer.packed_upsampling = cpu::PackUpsampling(layer.weight);
      } else if (layer.weight.size(0) * layer.weight.size(1) <= kMostTransformed) {
        layer.packed_winograd = cpu::PackWinograd(layer.weight);
      }
    }
    layer.packed = cpu::Pack(std::exchange(layer.weight, {}));
  }
  void operator()(const std::string&, NormWeights&) const {}
};

}  // namespace draftp

#endif  // DRAFTP_MODEL_PACK_WEIGHTS_H_
