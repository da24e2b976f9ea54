#include "draftp/kernels/cuda_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <optional>

#include "draftp/kernels/cuda_backend.h"

namespace draftp::cuda {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const CudaBackend& Backend() {
  const auto backend = OpenCudaBackend();
  TORCH_CHECK(backend.ok(), std::string(backend.status().message()));
  return **backend;
}

bool Recorded(std::initializer_list<at::Tensor> tensors) {
  if (!at::GradMode::is_enabled()) return false;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined() && tensor.requires_grad()) return true;
  }
  return false;
}

class GroupNormFunction : public torch::autograd::Function<GroupNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t groups, double eps, bool silu) {
    const auto [y, statistics] = Backend().GroupNorm(x, weight, bias, groups, eps, silu);
    context->save_for_backward({x, weight, bias, statistics});
    context->saved_data["silu"] = silu;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [x, sums] =
        Backend().GroupNormBackward(saved[0], saved[1], saved[2], saved[3],
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

class LayerNormFunction : public torch::autograd::Function<LayerNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, double eps) {
    const auto [y, mean, inverse] = Backend().LayerNorm(x, weight, bias, eps);
    context->save_for_backward({x, weight, bias, mean, inverse});
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

class GatedGeluFunction : public torch::autograd::Function<GatedGeluFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    context->save_for_backward({x});
    return Backend().GatedGelu(x);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {
        Backend().GatedGeluBackward(context->get_saved_variables()[0], gradients[0].contiguous())};
  }
};

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
    return Backend().AddToPixels(y, bias.value_or(at::Tensor()), channels.value_or(at::Tensor()),
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

}  // namespace

bool ServesChannels(const at::Tensor& x, int64_t channels, const at::Tensor& weight) {
  const at::ScalarType dtype = x.scalar_type();
  const bool known = dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16;
  return x.is_cuda() && known && channels % 2 == 0 &&
         (!weight.defined() || weight.scalar_type() == dtype);
}

at::Tensor GroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     int64_t groups, double eps, bool silu) {
  TORCH_CHECK(x.dim() == 4 && x.size(1) % groups == 0 && weight.size(0) == x.size(1) &&
                  bias.size(0) == x.size(1) && x.size(1) / groups <= kMostChannelsPerGroup,
              "GroupNorm of ", groups,
              " groups: expected [R,C,h,w] with C a multiple of them and at "
              "most ",
              kMostChannelsPerGroup, " channels a group, found ", x.sizes());
  const at::Tensor pixels = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (Recorded({x, weight, bias}))
    return GroupNormFunction::apply(pixels, weight, bias, groups, eps, silu);
  return Backend().GroupNorm(pixels, weight, bias, groups, eps, silu).y;
}

at::Tensor LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     double eps) {
  TORCH_CHECK(weight.size(0) == x.size(-1) && bias.size(0) == x.size(-1), "LayerNorm of ",
              weight.size(0), " channels: found ", x.sizes());
  const at::Tensor rows = x.contiguous();
  if (Recorded({x, weight, bias})) return LayerNormFunction::apply(rows, weight, bias, eps);
  return Backend().LayerNorm(rows, weight, bias, eps).y;
}

at::Tensor GatedGelu(const at::Tensor& x) {
  const at::Tensor rows = x.contiguous();
  if (Recorded({x})) return GatedGeluFunction::apply(rows);
  return Backend().GatedGelu(rows);
}

at::Tensor AddToPixels(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                       const at::Tensor& pixels) {
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
  if (Recorded({y, bias, channels, pixels})) {
    const auto present = [](const at::Tensor& x) {
      return x.defined() ? AddToPixelsFunction::Addend(x) : std::nullopt;
    };
    return AddToPixelsFunction::apply(sum, present(bias), present(rows), present(residual));
  }
  return Backend().AddToPixels(sum, bias, rows, residual);
}

}  // namespace draftp::cuda
