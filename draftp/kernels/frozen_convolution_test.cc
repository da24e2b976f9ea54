#include "draftp/kernels/frozen_convolution.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/conv2d.h>
#include <c10/core/StorageImpl.h>
#include <c10/util/intrusive_ptr.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::kernels {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;

// The gradient of an input by weights that aren't trained, for kernels of 1 and 3, strides of 1 and
// 2 and weights of both memory formats; it is LibTorch's, which keeps the input for it.
TEST(FrozenConvolutionTest, GivesLibTorchsGradientAndKeepsNoInput) {
  for (const auto& [kernel, stride] : {std::pair<int64_t, int64_t>{3, 1}, {3, 2}, {1, 1}}) {
    for (const at::MemoryFormat format :
         {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const int64_t padding = (kernel - 1) / 2;
      const std::array<int64_t, 2> strides{stride, stride}, paddings{padding, padding};
      const at::Tensor weight = HashTensor("w", {6, 4, kernel, kernel}).contiguous(format),
                       bias = HashTensor("b", {6});
      const at::Tensor x = HashTensor("x", {2, 4, 7, 5}).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor leaf = x.clone().requires_grad_(), exact = x.clone().requires_grad_();
      at::Tensor input = leaf * 1;
      const c10::weak_intrusive_ptr<c10::StorageImpl> kept(input.storage().getWeakStorageImpl());
      const at::Tensor y = FrozenConvolution(input, weight, bias, stride, padding);
      input.reset();
      EXPECT_TRUE(kept.expired()) << kernel << stride;
      const at::Tensor expected = at::conv2d(exact, weight, bias, strides, paddings);
      EXPECT_THAT(y.detach(), IsCloseTo(expected.detach(), 1e-14));
      const at::Tensor weighting = HashTensor("g", y.sizes().vec());
      (y * weighting).sum().backward();
      (expected * weighting).sum().backward();
      EXPECT_THAT(leaf.grad(), IsCloseTo(exact.grad(), 1e-14)) << kernel << stride;
    }
  }
}

}  // namespace
}  // namespace draftp::kernels
