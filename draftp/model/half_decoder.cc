#include "draftp/model/half_decoder.h"

#include <string>
#include <utility>
#include <variant>

#include "draftp/kernels/scaled_half.h"

namespace draftp {
namespace {

// f(convolution) for each.
template <class D, class F>
void ForEachConvolution(D& decoder, F&& f) {
  VisitWeights(decoder, [&f]<class W>(const std::string&, W& layer) {
    if constexpr (MaybeConst<W, ConvWeights>) f(layer);
  });
}

}  // namespace

void PackInHalf(VaeDecoder& decoder) {
  constexpr int64_t kChannels = 8;
  ForEachConvolution(decoder, [](ConvWeights& layer) {
    if (!layer.weight.defined() || layer.weight.scalar_type() != at::kFloat) return;
    if (layer.weight.size(0) % kChannels != 0 || layer.weight.size(1) % kChannels != 0) return;
    layer.packed = kernels::WeightInHalf(std::exchange(layer.weight, {}));
  });
}

bool HasHalfProducts(const ConvWeights& convolution) {
  return std::holds_alternative<kernels::ScaledHalf>(convolution.packed);
}

bool HasHalfProducts(const VaeDecoder& decoder) {
  bool has = false;
  ForEachConvolution(decoder,
                     [&has](const ConvWeights& layer) { has = has || HasHalfProducts(layer); });
  return has;
}

VaeDecoder WithoutHalfProducts(VaeDecoder decoder) {
  ForEachConvolution(decoder, [](ConvWeights& layer) {
    if (const auto* half = std::get_if<kernels::ScaledHalf>(&layer.packed)) {
      layer.weight = kernels::Unscaled(*half);
      layer.packed = {};
    }
  });
  return decoder;
}

}  // namespace draftp
