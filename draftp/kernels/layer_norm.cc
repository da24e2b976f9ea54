#include "draftp/kernels/layer_norm.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/cuda_kernel.h"
#include "draftp/kernels/operation.h"

namespace draftp::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor ByLibTorch(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      double eps) {
  const std::array<int64_t, 1> shape{x.size(-1)};
  return at::layer_norm(x, shape, weight, bias, eps);
}

at::Tensor OnCpu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                 double eps) {
  return cpu::LayerNorm(x, {weight, bias, /*groups=*/0, eps});
}

// What the backward pass needs.
struct Moments {
  at::Tensor mean, inverse;  // [rows] float32
};

// x is contiguous. `moments` are filled in, or null.
at::Tensor Forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                   double eps, Moments* moments) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchLayerNorm);
  const int64_t channels = x.size(-1);
  const long long rows = x.numel() / channels;
  at::Tensor y = at::empty_like(x);
  LayerNormForward call{.x = x.const_data_ptr(),
                        .weight = weight.const_data_ptr(),
                        .bias = bias.const_data_ptr(),
                        .y = y.mutable_data_ptr(),
                        .mean = nullptr,
                        .inverse = nullptr,
                        .eps = eps};
  if (moments != nullptr) {
    const auto floats = x.options().dtype(at::kFloat);
    *moments = {at::empty({rows}, floats), at::empty({rows}, floats)};
    call.mean = moments->mean.mutable_data_ptr<float>();
    call.inverse = moments->inverse.mutable_data_ptr<float>();
  }
  launch(x, DtypeOf(x), rows, static_cast<int>(channels), call);
  return y;
}

class LayerNormFunction : public torch::autograd::Function<LayerNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, double eps) {
    Moments moments;
    at::Tensor y = Forward(x, weight, bias, eps, &moments);
    context->save_for_backward({x, weight, bias, moments.mean, moments.inverse});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::array<bool, 3> wanted = {context->needs_input_grad(0), context->needs_input_grad(1),
                                        context->needs_input_grad(2)};
    const auto [x, weight, bias] =
        at::native_layer_norm_backward(gradients[0].contiguous(), saved[0], {saved[0].size(-1)},
                                       saved[3], saved[4], saved[1], saved[2], wanted);
    return {x, weight, bias, {}};
  }
};

at::Tensor OnGpu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                 double eps) {
  if (!PairsServedOnGpu(x, x.size(-1), weight)) return ByLibTorch(x, weight, bias, eps);
  TORCH_CHECK(weight.size(0) == x.size(-1) && bias.size(0) == x.size(-1), "LayerNorm of ",
              weight.size(0), " channels: found ", x.sizes());
  const at::Tensor rows = x.contiguous();
  if (Recorded(x, weight, bias)) return LayerNormFunction::apply(rows, weight, bias, eps);
  return Forward(rows, weight, bias, eps, nullptr);
}

constexpr Operation<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double)>
    kLayerNorm{.libtorch = ByLibTorch, .cpu = OnCpu, .cuda = OnGpu};

}  // namespace

at::Tensor LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     double eps) {
  return kLayerNorm(x, weight, bias, eps);
}

}  // namespace draftp::kernels
