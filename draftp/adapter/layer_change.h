// What an adapter of any kind does to one layer's weight and bias, computed in float32.
#ifndef DRAFTP_ADAPTER_LAYER_CHANGE_H_
#define DRAFTP_ADAPTER_LAYER_CHANGE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_role.h"
#include "draftp/adapter/lora.h"
#include "draftp/adapter/scaled_adapter.h"

namespace draftp {

// The tensors of one layer in an adapter's file. dW, of the shape of the layer's weight W [o,i] or
// [o,i,k,k], is the sum of what is there, s = alpha / r:
//   LoRA    s up down: down [r,i] or [r,i,k,k], up [o,r] or [o,r,1,1]; with a mid of [r,r,k,k]
//           (Tucker), s sum_mn t[m,n] up[:,m] down[n,:]
//   LoHa    s (w1_a w1_b) o (w2_a w2_b): w_a [o,r], w_b [r,i k k]; with t1, t2 [r,r,k,k] the
//           factors are Tucker's, w_a [r,o] and w_b [r,i]
//   LoKr    s kron(w1, w2), either of them w_a w_b (w2 also by t2, Tucker's); s is alpha / r of the
//           last that is a product, and 1 where none is
//   diff    diff itself
// DoRA then makes W' = m (W + dW) / ||W + dW||, m [o,1,...] of each output or [1,i,...] of each
// input; with DoraNorm::kBase an output's row is divided by ||W||. Sources: LyCORIS (Yeh et al.,
// 2023), DoRA (Liu et al., 2024).
struct LayerChange {
  struct Item {
    at::Tensor tensor;
    std::string key;  // in the file, for messages
  };
  std::map<AdapterRole, Item> items;  // without kAlpha
  double scale = 1.0;                 // s
  DoraNorm norm = DoraNorm::kChanged;

  const at::Tensor& at(AdapterRole role) const { return items.at(role).tensor; }
  bool Has(AdapterRole role) const { return items.contains(role); }
  // Two factors and nothing else: what a layer can carry beside its weight, and train.
  bool IsPlainLora() const;
  LoraLayer Plain() const;
};

// What a layer's change is called: "a LoRA", "a LoRA with Tucker's core", "a LoHa", "a LoKr", "a
// DoRA", "a whole difference".
std::string KindOf(const LayerChange& change);

// r, by which alpha is divided; none where the kind has none.
std::optional<int64_t> RankOf(const LayerChange& change);

// InvalidArgument `KEY: ...` for what comes without its other half, or in two kinds at once.
absl::Status CheckComplete(const LayerChange& change);

// W + strength (W' - W) in float32 (float64 for a float64 weight), on the weight's device, where W'
// is all that `change` makes of the weight. InvalidArgument `KEY: is [..], expected [..]` for
// shapes that don't fit the weight.
absl::StatusOr<at::Tensor> ChangedWeight(const LayerChange& change, const at::Tensor& weight,
                                         double strength = 1.0);

// bias + strength diff_b, [outputs]; `bias` may be undefined, which stands for zeros.
absl::StatusOr<at::Tensor> ChangedBias(const LayerChange& change, const at::Tensor& bias,
                                       const at::Tensor& weight, double strength = 1.0);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LAYER_CHANGE_H_
