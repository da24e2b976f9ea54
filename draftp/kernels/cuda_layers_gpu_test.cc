// Tests of the layers on a GPU against LibTorch's in float64 on a CPU, forward and backward.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/kernels/elementwise.h"
#include "draftp/kernels/group_norm.h"
#include "draftp/kernels/layer_norm.h"
#include "draftp/kernels/operation.h"
#include "draftp/kernels/product.h"
#include "draftp/kernels/residual_product.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

class CudaLayersGpuTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(OpenCudaBackend().ok()) << OpenCudaBackend().status(); }
};

using Layer = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

double RelativeError(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor f = found.cpu().to(at::kDouble), e = expected.cpu().to(at::kDouble);
  return ((f - e).norm() / e.norm()).item<double>();
}

// `layer` on a GPU in `dtype` and `reference` in float64 on a CPU, from the same rounded inputs:
// outputs and the gradients of every input under the same random weighting.
void ExpectSame(const Layer& layer, const Layer& reference, std::vector<at::Tensor> inputs,
                at::ScalarType dtype, double tolerance) {
  std::vector<at::Tensor> gpu, cpu;
  for (const at::Tensor& input : inputs) {
    const at::Tensor rounded = input.to(dtype);
    gpu.push_back(rounded.to(at::kCUDA).requires_grad_());
    cpu.push_back(rounded.to(at::kDouble).requires_grad_());
  }
  const at::Tensor found = layer(gpu), expected = reference(cpu);
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT(RelativeError(found.detach(), expected.detach()), tolerance);
  const at::Tensor weighting = at::randn_like(expected.detach()).to(dtype);
  const auto found_gradients = torch::autograd::grad({found}, gpu, {weighting.to(at::kCUDA)});
  const auto expected_gradients =
      torch::autograd::grad({expected}, cpu, {weighting.to(at::kDouble)});
  for (size_t i = 0; i < gpu.size(); ++i) {
    EXPECT_LT(RelativeError(found_gradients[i], expected_gradients[i]), tolerance)
        << "gradient of input " << i;
  }
  const at::NoGradGuard no_grad;
  EXPECT_THAT(layer(gpu).cpu(), testing::IsEqualTo(found.detach().cpu()));
}

double Tolerance(at::ScalarType dtype) {
  return dtype == at::kFloat ? 2e-6 : dtype == at::kHalf ? 2e-3 : 1.5e-2;
}

struct NormCase {
  std::vector<int64_t> size;
  int64_t groups;
};

// Of pictures of one chunk and of many, of a group of 4 to 16 channels; rows from the first, in the
// middle, to the last.
TEST_F(CudaLayersGpuTest, RowsByTheStatisticsOfAllAreThoseOfTheGroupNorm) {
  for (const auto& sizes :
       std::vector<std::vector<int64_t>>{{1, 128, 16, 12}, {1, 512, 96, 64}, {2, 256, 130, 33}}) {
    for (const auto& [dtype, tolerance] : {std::pair(at::kFloat, 3e-6), {at::kBFloat16, 5e-3}}) {
      const at::Tensor x = (at::randn(sizes) * 3 + 10).to(dtype),
                       weight = at::randn(sizes[1]).to(dtype), bias = at::randn(sizes[1]).to(dtype);
      const at::Tensor expected = at::silu(at::group_norm(
          x.to(at::kDouble), 32, weight.to(at::kDouble), bias.to(at::kDouble), 1e-6));
      const at::Tensor on_gpu = x.to(at::kCUDA).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor statistics = kernels::GroupStatistics(on_gpu, 32, 1e-6);
      for (const int64_t begin : {int64_t{0}, sizes[2] / 2, sizes[2] - 5}) {
        const at::Tensor rows = kernels::NormaliseGroups(
            on_gpu.narrow(2, begin, 5), statistics, weight.to(at::kCUDA), bias.to(at::kCUDA), true);
        EXPECT_LT(RelativeError(rows, expected.narrow(2, begin, 5)), tolerance) << sizes << begin;
      }
    }
  }
}

TEST_F(CudaLayersGpuTest, GroupNormIsThatOfTheFormula) {
  const std::vector<NormCase> cases = {
      {{3, 64, 16, 16}, 32},   // two channels a group
      {{2, 96, 8, 8}, 32},     // three: a pair lies in two groups, slabs of 36 and a rest
      {{2, 40, 5, 7}, 4},      // a group of ten, pixels that no block's rows divide
      {{1, 320, 33, 40}, 32},  // two chunks of pixels
      {{1, 4, 300, 260}, 2},   // as many chunks as there may be, each of 1219 pixels
      {{2, 32, 64, 65}, 8},    // five chunks
      {{1, 602, 4, 4}, 2},     // a slab of 301 pairs
      {{2, 48, 1, 1}, 3},      // one pixel
  };
  for (const NormCase& c : cases) {
    for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      for (const bool silu : {false, true}) {
        SCOPED_TRACE(::testing::Message() << at::IntArrayRef(c.size) << ' ' << dtype << silu);
        const at::Tensor x = at::randn(c.size) * 2 + 3 * at::randn({1, c.size[1], 1, 1});
        ExpectSame(
            [&](const auto& in) {
              return kernels::GroupNorm(in[0], in[1], in[2], c.groups, 1e-5, silu);
            },
            [&](const auto& in) {
              const at::Tensor y = at::group_norm(in[0], c.groups, in[1], in[2], 1e-5);
              return silu ? at::silu(y) : y;
            },
            {x.contiguous(at::MemoryFormat::ChannelsLast), at::randn({c.size[1]}),
             at::randn({c.size[1]})},
            dtype, Tolerance(dtype));
      }
    }
  }
}

TEST_F(CudaLayersGpuTest, GroupNormKeepsItsDigitsFarFromZero) {
  const at::Tensor x = at::randn({2, 64, 40, 40}, at::kDouble) + 1000;
  const at::Tensor one = at::ones({64}), zero = at::zeros({64});
  const at::Tensor found = kernels::GroupNorm(x.to(at::kFloat).to(at::kCUDA), one.to(at::kCUDA),
                                              zero.to(at::kCUDA), 32, 1e-5, false);
  const at::Tensor expected = at::group_norm(x.to(at::kFloat).to(at::kDouble), 32,
                                             one.to(at::kDouble), zero.to(at::kDouble), 1e-5);
  EXPECT_LT(RelativeError(found, expected), 1e-4);
}

TEST_F(CudaLayersGpuTest, LayerNormIsThatOfTheFormula) {
  for (const int64_t channels : {6, 96, 128, 640, 768, 1024, 1280, 1282, 1664, 2048, 2056}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      SCOPED_TRACE(::testing::Message() << channels << ' ' << dtype);
      ExpectSame([&](const auto& in) { return kernels::LayerNorm(in[0], in[1], in[2], 1e-5); },
                 [&](const auto& in) {
                   return at::layer_norm(in[0], at::IntArrayRef{channels}, in[1], in[2], 1e-5);
                 },
                 {at::randn({3, 17, channels}) + 2, at::randn({channels}), at::randn({channels})},
                 dtype, Tolerance(dtype));
    }
  }
}

TEST_F(CudaLayersGpuTest, GatedGeluIsThatOfTheFormula) {
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    for (const int64_t channels : {70, 72, 5120}) {  // 70: by pairs, the others by 16 bytes
      SCOPED_TRACE(::testing::Message() << channels << ' ' << dtype);
      ExpectSame([](const auto& in) { return kernels::GatedGelu(in[0]); },
                 [](const auto& in) {
                   const auto halves = in[0].chunk(2, -1);
                   return halves[0] * at::gelu(halves[1]);
                 },
                 {at::randn({5, 33, 2 * channels})}, dtype, Tolerance(dtype));
    }
  }
}

TEST_F(CudaLayersGpuTest, AddendsAreAddedToTheirPixels) {
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    for (const auto& [rows, c] : {std::pair<int64_t, int64_t>{1, 6}, {3, 6}, {1, 320}, {3, 320}}) {
      SCOPED_TRACE(::testing::Message() << dtype << rows << ' ' << c);
      ExpectSame([](const auto& in) { return kernels::AddToPixels(in[0], in[1], in[2], in[3]); },
                 [](const auto& in) {
                   return in[0] + in[1].view({1, -1, 1, 1}) + in[2].unsqueeze(-1).unsqueeze(-1) +
                          in[3];
                 },
                 {at::randn({3, c, 5, 7}).contiguous(at::MemoryFormat::ChannelsLast),
                  at::randn({c}), at::randn({rows, c}), at::randn({3, c, 5, 7})},
                 dtype, Tolerance(dtype));
    }
  }
  ExpectSame([](const auto& in) { return kernels::AddToPixels(in[0], {}, {}, in[1]); },
             [](const auto& in) { return in[0] + in[1]; },
             {at::randn({2, 4, 3, 3}), at::randn({2, 4, 3, 3})}, at::kFloat, 2e-6);
  ExpectSame([](const auto& in) { return kernels::AddToPixels(in[0], {}, in[1], {}); },
             [](const auto& in) { return in[0] + in[1].unsqueeze(-1).unsqueeze(-1); },
             {at::randn({2, 4, 3, 3}), at::randn({2, 4})}, at::kFloat, 2e-6);
}

// Shapes of SDXL's transformers at two sizes, SSD-1B's and the embedded model's.
struct ProductCase {
  int64_t rows, in, out;
};

TEST_F(CudaLayersGpuTest, ProductsWithResidualAreThoseOfTheFormula) {
  const at::NoGradGuard no_grad;
  const std::vector<ProductCase> cases = {
      {2048, 1280, 1280}, {2048, 5120, 1280}, {8192, 640, 640}, {8192, 2560, 640}, {1, 1280, 1280},
      {77, 640, 1280},    {4158, 2560, 640},  {256, 64, 64},    {1024, 512, 128},  {65, 8, 8}};
  for (const ProductCase& c : cases) {
    for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
      for (const bool biased : {false, true}) {
        SCOPED_TRACE(::testing::Message()
                     << c.rows << ' ' << c.in << ' ' << c.out << dtype << biased);
        const at::Tensor x = at::randn({c.rows, c.in}).to(dtype),
                         w = (at::randn({c.out, c.in}) / std::sqrt(c.in)).to(dtype),
                         bias = biased ? at::randn({c.out}).to(dtype) : at::Tensor(),
                         residual = at::randn({c.rows, c.out}).to(dtype);
        const auto gpu = [](const at::Tensor& t) { return t.defined() ? t.to(at::kCUDA) : t; };
        ASSERT_TRUE(kernels::ResidualProductServes(gpu(x), gpu(w), gpu(bias), gpu(residual)));
        at::Tensor expected =
            at::matmul(x.to(at::kDouble), w.to(at::kDouble).t()) + residual.to(at::kDouble);
        if (biased) expected = expected + bias.to(at::kDouble);
        const at::Tensor on_gpu = gpu(residual),
                         found = kernels::ResidualProduct(gpu(x), gpu(w), gpu(bias), on_gpu);
        // Rounded once: half of what a value may differ by at most, a third of it in the mean.
        EXPECT_LT(RelativeError(found, expected), dtype == at::kHalf ? 4e-4 : 3e-3);
        EXPECT_THAT(on_gpu.cpu(), testing::IsEqualTo(residual));
        EXPECT_THAT(kernels::ResidualProduct(gpu(x), gpu(w), gpu(bias), gpu(residual)).cpu(),
                    testing::IsEqualTo(found.cpu()));
      }
    }
  }
}

TEST_F(CudaLayersGpuTest, WhatAResidualProductDoesNotServeIsLeftToLibTorch) {
  const at::Tensor x = at::randn({33, 64}).to(at::kCUDA, at::kBFloat16),
                   w = at::randn({64, 64}).to(at::kCUDA, at::kBFloat16),
                   r = at::randn({33, 64}).to(at::kCUDA, at::kBFloat16), none;
  EXPECT_TRUE(kernels::ResidualProductServes(x, w, none, r));
  EXPECT_FALSE(kernels::ResidualProductServes(x, w, none, none));
  EXPECT_FALSE(kernels::ResidualProductServes(x, w.t(), none, r));
  EXPECT_FALSE(kernels::ResidualProductServes(x, w, none, r.to(at::kHalf)));
  EXPECT_FALSE(
      kernels::ResidualProductServes(x.to(at::kFloat), w.to(at::kFloat), none, r.to(at::kFloat)));
  EXPECT_FALSE(kernels::ResidualProductServes(x.narrow(0, 1, 32), w, none, r.narrow(0, 1, 32)));
  const at::Tensor leaf = w.clone().requires_grad_();
  EXPECT_FALSE(kernels::ResidualProductServes(x, leaf, none, r));
  const kernels::Packed packed;
  const at::Tensor recorded = kernels::Linear(x, {leaf, packed}, {.bias = {}, .residual = r});
  EXPECT_TRUE(recorded.requires_grad());
  EXPECT_LT(RelativeError(kernels::Linear(x, {w, packed}, {.bias = {}, .residual = r}),
                          recorded.detach()),
            1e-2);
}

TEST_F(CudaLayersGpuTest, OtherTensorsAreNotServed) {
  const at::Tensor x = at::randn({2, 6, 4, 4});
  EXPECT_FALSE(kernels::PairsServedOnGpu(x, 6));
  EXPECT_TRUE(kernels::PairsServedOnGpu(x.to(at::kCUDA), 6));
  EXPECT_FALSE(kernels::PairsServedOnGpu(x.to(at::kCUDA), 5));
  EXPECT_FALSE(kernels::PairsServedOnGpu(x.to(at::kCUDA).to(at::kDouble), 6));
  EXPECT_FALSE(kernels::PairsServedOnGpu(x.to(at::kCUDA).to(at::kHalf), 6, x.to(at::kCUDA)));
}

}  // namespace
}  // namespace draftp
