#include "draftp/kernels/operation.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>

namespace draftp::kernels {
namespace {

using Shifted = Operation<at::Tensor(const at::Tensor&, double)>;

// Each way adds a number of its own.
constexpr Shifted kAllWays{.libtorch = [](const at::Tensor& x, double by) { return x.add(by); },
                           .cpu = [](const at::Tensor& x, double by) { return x.add(by + 10); },
                           .cuda = [](const at::Tensor& x, double by) { return x.add(by + 20); }};
constexpr Shifted kLibTorchAlone{.libtorch = kAllWays.libtorch};

double Value(const at::Tensor& x) { return x.item<double>(); }

TEST(OperationTest, TheCpuKernelTakesFloat32WithoutGradients) {
  const at::NoGradGuard no_grad;
  EXPECT_EQ(Value(kAllWays(at::zeros({1}), 1)), 11);
  EXPECT_EQ(Value(kLibTorchAlone(at::zeros({1}), 1)), 1);
}

TEST(OperationTest, WhatNoKernelServesIsLibTorchs) {
  EXPECT_EQ(Value(kAllWays(at::zeros({1}), 1)), 1);  // gradients are recorded
  const at::NoGradGuard no_grad;
  for (const at::ScalarType dtype : {at::kDouble, at::kBFloat16})
    EXPECT_EQ(Value(kAllWays(at::zeros({1}, dtype), 1)), 1) << dtype;
}

TEST(OperationTest, NothingButAGpuServesPairsThere) {
  EXPECT_FALSE(ServedOnGpu(at::zeros({1})));
  EXPECT_FALSE(PairsServedOnGpu(at::zeros({2}), 2));
}

TEST(OperationTest, GradientsAreRecordedForAnyOfSeveralTensors) {
  const at::Tensor plain = at::ones({1}), trained = at::ones({1}).requires_grad_();
  EXPECT_TRUE(Recorded(plain, at::Tensor(), trained));
  EXPECT_FALSE(Recorded(plain, at::Tensor()));
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(Recorded(trained));
}

}  // namespace
}  // namespace draftp::kernels
