#include "draftp/kernels/group_norm.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/cuda_kernel.h"
#include "draftp/kernels/operation.h"

namespace draftp::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor ByLibTorch(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      int64_t groups, double eps, bool silu) {
  const at::Tensor y = at::group_norm(x, groups, weight, bias, eps);
  return silu ? at::silu(y) : y;
}

at::Tensor OnCpu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                 int64_t groups, double eps, bool silu) {
  return cpu::GroupNorm(x, {weight, bias, groups, eps}, silu);
}

GroupNormShape ShapeOf(const at::Tensor& x, int64_t groups) {
  TORCH_CHECK(x.size(0) <= 65535, "GroupNorm: found ", x.size(0),
              " images, expected at most 65535");
  return {x.size(0), x.size(2) * x.size(3), static_cast<int>(x.size(1)), static_cast<int>(groups)};
}

at::Tensor Floats(const at::Tensor& like, at::IntArrayRef sizes) {
  return at::empty(sizes, like.options().dtype(at::kFloat));
}

struct Normalised {
  at::Tensor y;
  at::Tensor statistics;  // [R,groups,2] float32: mean, 1 / standard deviation
};

// x is channels-last, here and in Backward.
Normalised Forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                   int64_t groups, double eps, bool silu) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchGroupNorm);
  const GroupNormShape shape = ShapeOf(x, groups);
  Normalised result{at::empty_like(x), Floats(x, {x.size(0), groups, 2})};
  if (x.numel() == 0) return result;
  const at::Tensor sums = Floats(x, {x.size(0), GroupNormChunks(shape), groups, 2});
  launch(x, DtypeOf(x), shape,
         GroupNormForward{x.const_data_ptr(), weight.const_data_ptr(), bias.const_data_ptr(),
                          result.y.mutable_data_ptr(), result.statistics.mutable_data_ptr<float>(),
                          sums.mutable_data_ptr<float>(), eps, silu});
  return result;
}

struct Gradient {
  at::Tensor x;
  at::Tensor sums;  // [R,parts,C,2] float32, summed over R and parts: of bias, of weight
};

Gradient Backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const at::Tensor& statistics, const at::Tensor& gradient, bool silu) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchGroupNormBackward);
  const GroupNormShape shape = ShapeOf(x, statistics.size(1));
  Gradient result{at::empty_like(x), Floats(x, {x.size(0), GroupNormChunks(shape), x.size(1), 2})};
  if (x.numel() == 0) return result;
  launch(
      x, DtypeOf(x), shape,
      GroupNormBackward{x.const_data_ptr(), weight.const_data_ptr(), bias.const_data_ptr(),
                        gradient.const_data_ptr(), statistics.const_data_ptr<float>(),
                        result.x.mutable_data_ptr(), result.sums.mutable_data_ptr<float>(), silu});
  return result;
}

class GroupNormFunction : public torch::autograd::Function<GroupNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t groups, double eps, bool silu) {
    const auto [y, statistics] = Forward(x, weight, bias, groups, eps, silu);
    context->save_for_backward({x, weight, bias, statistics});
    context->saved_data["silu"] = silu;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [x, sums] = Backward(saved[0], saved[1], saved[2], saved[3],
                                    gradients[0].contiguous(at::MemoryFormat::ChannelsLast),
                                    context->saved_data["silu"].toBool());
    at::Tensor weight, bias;
    if (context->needs_input_grad(1) || context->needs_input_grad(2)) {
      const at::Tensor total = sums.sum(at::IntArrayRef{0, 1});  // [C,2]
      bias = total.select(1, 0).to(saved[2].scalar_type());
      weight = total.select(1, 1).to(saved[1].scalar_type());
    }
    return {x, weight, bias, {}, {}, {}};
  }
};

at::Tensor OnGpu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                 int64_t groups, double eps, bool silu) {
  if (!PairsServedOnGpu(x, x.size(1), weight) || x.size(1) / groups > kMostChannelsPerGroup)
    return ByLibTorch(x, weight, bias, groups, eps, silu);
  TORCH_CHECK(x.dim() == 4 && x.size(1) % groups == 0 && weight.size(0) == x.size(1) &&
                  bias.size(0) == x.size(1),
              "GroupNorm of ", groups,
              " groups: expected [R,C,h,w] with C a multiple of them, found ", x.sizes());
  const at::Tensor pixels = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (Recorded(x, weight, bias))
    return GroupNormFunction::apply(pixels, weight, bias, groups, eps, silu);
  return Forward(pixels, weight, bias, groups, eps, silu).y;
}

constexpr Operation<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t,
                               double, bool)>
    kGroupNorm{.libtorch = ByLibTorch, .cpu = OnCpu, .cuda = OnGpu};

}  // namespace

at::Tensor GroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     int64_t groups, double eps, bool silu) {
  return kGroupNorm(x, weight, bias, groups, eps, silu);
}

}  // namespace draftp::kernels
