#include "draftp/kernels/group_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/var_mean.h>
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

// x [R,C,h,w] -> [R,groups,C/groups h w]
at::Tensor Groups(const at::Tensor& x, int64_t groups) {
  return x.contiguous().view({x.size(0), groups, -1});
}

at::Tensor StatisticsByLibTorch(const at::Tensor& x, int64_t groups, double eps) {
  const at::Tensor values = Groups(x.scalar_type() == at::kDouble ? x : x.to(at::kFloat), groups);
  const auto [variance, mean] = at::var_mean(values, /*dim=*/2, /*unbiased=*/false);
  return at::stack({mean, (variance + eps).rsqrt()}, -1);
}

at::Tensor StatisticsOnGpu(const at::Tensor& x, int64_t groups, double eps) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchGroupNorm);
  if (!PairsServedOnGpu(x, x.size(1)) || x.size(1) / groups > kMostChannelsPerGroup)
    return StatisticsByLibTorch(x, groups, eps);
  const at::Tensor pixels = x.contiguous(at::MemoryFormat::ChannelsLast);
  const GroupNormShape shape = ShapeOf(pixels, groups);
  const at::Tensor statistics = Floats(x, {x.size(0), groups, 2});
  if (x.numel() == 0) return statistics;
  const at::Tensor sums = Floats(x, {x.size(0), GroupNormChunks(shape), groups, 2});
  launch(x, DtypeOf(x), shape,
         GroupNormForward{.x = pixels.const_data_ptr(),
                          .weight = nullptr,
                          .bias = nullptr,
                          .y = nullptr,
                          .statistics = statistics.mutable_data_ptr<float>(),
                          .sums = sums.mutable_data_ptr<float>(),
                          .eps = eps,
                          .silu = false,
                          .part = GroupNormPart::kStatistics});
  return statistics;
}

at::Tensor NormaliseByLibTorch(const at::Tensor& x, const at::Tensor& statistics,
                               const at::Tensor& weight, const at::Tensor& bias, bool silu,
                               bool in_half) {
  const at::Tensor values = Groups(x.to(statistics.scalar_type()), statistics.size(1));
  const at::Tensor mean = statistics.select(2, 0).unsqueeze(2),
                   inverse = statistics.select(2, 1).unsqueeze(2);
  const at::Tensor normal = ((values - mean) * inverse).view(x.sizes());
  const at::Tensor y = (normal * weight.view({1, -1, 1, 1}) + bias.view({1, -1, 1, 1}))
                           .to(x.scalar_type())
                           .contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor result = silu ? at::silu(y) : y;
  return in_half ? result.to(at::kHalf) : result;
}

at::Tensor NormaliseOnGpu(const at::Tensor& x, const at::Tensor& statistics,
                          const at::Tensor& weight, const at::Tensor& bias, bool silu,
                          bool in_half) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchGroupNorm);
  if (!PairsServedOnGpu(x, x.size(1), weight) ||
      x.size(1) / statistics.size(1) > kMostChannelsPerGroup)
    return NormaliseByLibTorch(x, statistics, weight, bias, silu, in_half);
  TORCH_CHECK(!in_half || x.scalar_type() != at::kBFloat16, "float16 of a bfloat16 picture");
  const at::Tensor pixels = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor y =
      at::empty_like(pixels, pixels.options().dtype(in_half ? at::kHalf : x.scalar_type()));
  if (x.numel() == 0) return y;
  launch(x, DtypeOf(x), ShapeOf(pixels, statistics.size(1)),
         GroupNormForward{.x = pixels.const_data_ptr(),
                          .weight = weight.const_data_ptr(),
                          .bias = bias.const_data_ptr(),
                          .y = y.mutable_data_ptr(),
                          .statistics = statistics.mutable_data_ptr<float>(),
                          .sums = nullptr,
                          .eps = 0,
                          .silu = silu,
                          .part = GroupNormPart::kNormalise,
                          .half_result = in_half});
  return y;
}

constexpr Operation<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t,
                               double, bool)>
    kGroupNorm{.libtorch = ByLibTorch, .cpu = OnCpu, .cuda = OnGpu};
constexpr Operation<at::Tensor(const at::Tensor&, int64_t, double)> kStatistics{
    .libtorch = StatisticsByLibTorch, .cpu = StatisticsByLibTorch, .cuda = StatisticsOnGpu};
constexpr Operation<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                               const at::Tensor&, bool, bool)>
    kNormalise{.libtorch = NormaliseByLibTorch, .cpu = NormaliseByLibTorch, .cuda = NormaliseOnGpu};

}  // namespace

at::Tensor GroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     int64_t groups, double eps, bool silu) {
  return kGroupNorm(x, weight, bias, groups, eps, silu);
}

at::Tensor GroupStatistics(const at::Tensor& x, int64_t groups, double eps) {
  return kStatistics(x, groups, eps);
}

at::Tensor NormaliseGroups(const at::Tensor& x, const at::Tensor& statistics,
                           const at::Tensor& weight, const at::Tensor& bias, bool silu,
                           bool in_half) {
  return kNormalise(x, statistics, weight, bias, silu, in_half);
}

}  // namespace draftp::kernels
