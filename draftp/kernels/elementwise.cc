#include "draftp/kernels/elementwise.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <vector>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/cuda_kernel.h"
#include "draftp/kernels/operation.h"

namespace draftp::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor GatedGeluByLibTorch(const at::Tensor& x) {
  const auto values_and_gates = x.chunk(2, -1);
  return values_and_gates[0] * at::gelu(values_and_gates[1]);
}

// x is contiguous, here and in the backward pass.
at::Tensor GatedGeluForward(const at::Tensor& x) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchGatedGelu);
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() /= 2;
  at::Tensor y = at::empty(sizes, x.options());
  const long long rows = y.numel() / sizes.back();
  launch(x, DtypeOf(x), rows, static_cast<int>(sizes.back()), x.const_data_ptr(),
         y.mutable_data_ptr());
  return y;
}

at::Tensor GatedGeluBackward(const at::Tensor& x, const at::Tensor& gradient) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchGatedGeluBackward);
  const long long channels = gradient.size(-1), rows = gradient.numel() / channels;
  at::Tensor result = at::empty_like(x);
  launch(x, DtypeOf(x), rows, static_cast<int>(channels), x.const_data_ptr(),
         gradient.const_data_ptr(), result.mutable_data_ptr());
  return result;
}

class GatedGeluFunction : public torch::autograd::Function<GatedGeluFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    context->save_for_backward({x});
    return GatedGeluForward(x);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {GatedGeluBackward(context->get_saved_variables()[0], gradients[0].contiguous())};
  }
};

at::Tensor GatedGeluOnGpu(const at::Tensor& x) {
  if (!PairsServedOnGpu(x, x.size(-1) / 2)) return GatedGeluByLibTorch(x);
  const at::Tensor rows = x.contiguous();
  return Recorded(x) ? GatedGeluFunction::apply(rows) : GatedGeluForward(rows);
}

constexpr Operation<at::Tensor(const at::Tensor&)> kGatedGelu{
    .libtorch = GatedGeluByLibTorch, .cpu = cpu::GatedGelu, .cuda = GatedGeluOnGpu};

at::Tensor AddByLibTorch(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                         const at::Tensor& pixels) {
  at::Tensor sum = y;
  for (const at::Tensor& addend : {bias, channels}) {
    if (addend.defined()) sum = sum + addend.unsqueeze(-1).unsqueeze(-1);
  }
  return pixels.defined() ? sum + pixels : sum;
}

// All are as the kernel reads them.
at::Tensor AddForward(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                      const at::Tensor& pixels) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchAddends);
  const auto data = [](const at::Tensor& x) { return x.defined() ? x.const_data_ptr() : nullptr; };
  at::Tensor sum = at::empty_like(y);
  const long long rows = y.size(0), plane = y.size(2) * y.size(3);
  launch(y, DtypeOf(y), rows, plane, static_cast<int>(y.size(1)),
         AddendsCall{y.const_data_ptr(), data(bias), data(channels),
                     channels.defined() && channels.size(0) > 1, data(pixels),
                     sum.mutable_data_ptr()});
  return sum;
}

// An undefined addend is absent, and then has no edge of its own in the graph.
class AddToPixelsFunction : public torch::autograd::Function<AddToPixelsFunction> {
 public:
  using Addend = std::optional<at::Tensor>;

  static at::Tensor forward(AutogradContext* context, const at::Tensor& y, const Addend& bias,
                            const Addend& channels, const Addend& pixels) {
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["channels"] = channels.has_value();
    context->saved_data["one_row"] = channels && channels->size(0) == 1;
    context->saved_data["pixels"] = pixels.has_value();
    return AddForward(y, bias.value_or(at::Tensor()), channels.value_or(at::Tensor()),
                      pixels.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor& gradient = gradients[0];
    variable_list result = {gradient, {}, {}, {}};
    size_t edge = 1;
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(edge++))
      result[1] = gradient.sum(at::IntArrayRef{0, 2, 3});
    if (context->saved_data["channels"].toBool() && context->needs_input_grad(edge++)) {
      result[2] = gradient.sum(at::IntArrayRef{2, 3});
      if (context->saved_data["one_row"].toBool()) result[2] = result[2].sum(0, /*keepdim=*/true);
    }
    if (context->saved_data["pixels"].toBool()) result[3] = gradient;
    return result;
  }
};

at::Tensor AddOnGpu(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                    const at::Tensor& pixels) {
  if (!PairsServedOnGpu(y, y.size(1))) return AddByLibTorch(y, bias, channels, pixels);
  constexpr auto kFormat = at::MemoryFormat::ChannelsLast;
  const auto packed = [](const at::Tensor& x, at::MemoryFormat format) {
    return x.defined() ? x.contiguous(format) : x;
  };
  for (const at::Tensor* addend : {&bias, &channels, &pixels}) {
    TORCH_CHECK(!addend->defined() || addend->scalar_type() == y.scalar_type(),
                "AddToPixels: found ", addend->scalar_type(), " beside ", y.scalar_type());
  }
  TORCH_CHECK(
      (!bias.defined() || bias.sizes() == at::IntArrayRef{y.size(1)}) &&
          (!channels.defined() || ((channels.size(0) == 1 || channels.size(0) == y.size(0)) &&
                                   channels.size(1) == y.size(1))) &&
          (!pixels.defined() || pixels.sizes() == y.sizes()),
      "AddToPixels: the sizes don't fit ", y.sizes());
  const at::Tensor sum = y.contiguous(kFormat),
                   rows = packed(channels, at::MemoryFormat::Contiguous),
                   residual = packed(pixels, kFormat);
  if (Recorded(y, bias, channels, pixels)) {
    const auto present = [](const at::Tensor& x) {
      return x.defined() ? AddToPixelsFunction::Addend(x) : std::nullopt;
    };
    return AddToPixelsFunction::apply(sum, present(bias), present(rows), present(residual));
  }
  return AddForward(sum, bias, rows, residual);
}

constexpr Operation<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                               const at::Tensor&)>
    kAddToPixels{.libtorch = AddByLibTorch, .cuda = AddOnGpu};

}  // namespace

at::Tensor GatedGelu(const at::Tensor& x) { return kGatedGelu(x); }

at::Tensor AddToPixels(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                       const at::Tensor& pixels) {
  return kAddToPixels(y, bias, channels, pixels);
}

}  // namespace draftp::kernels
