#include "draftp/kernels/frozen_convolution.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <optional>
#include <tuple>
#include <vector>

namespace draftp::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class FrozenConvolutionFunction : public torch::autograd::Function<FrozenConvolutionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, int64_t stride,
                            int64_t padding) {
    context->save_for_backward({weight});
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    const std::array<int64_t, 2> strides{stride, stride}, paddings{padding, padding};
    return at::conv2d(x, weight, bias, strides, paddings);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor weight = context->get_saved_variables()[0];
    const std::vector<int64_t> sizes = context->saved_data["sizes"].toIntVector();
    const int64_t stride = context->saved_data["stride"].toInt(),
                  padding = context->saved_data["padding"].toInt();
    const std::array<int64_t, 2> strides{stride, stride}, paddings{padding, padding}, ones{1, 1},
        zeros{0, 0};
    // Its values aren't read; LibTorch takes the gradient into its memory format.
    const at::Tensor x =
        at::empty(sizes, weight.options().memory_format(at::MemoryFormat::ChannelsLast));
    auto of_x = at::convolution_backward(gradients[0], x, weight, at::OptionalIntArrayRef(),
                                         strides, paddings, ones, /*transposed=*/false, zeros,
                                         /*groups=*/1, {true, false, false});
    return {std::get<0>(of_x), {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor FrozenConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             int64_t stride, int64_t padding) {
  return FrozenConvolutionFunction::apply(
      x, weight, bias.defined() ? std::optional(bias) : std::nullopt, stride, padding);
}

}  // namespace draftp::kernels
