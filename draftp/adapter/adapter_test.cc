// Tests that one include gives adapters, their slots and the guard.
#include "draftp/adapter/adapter.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(AdapterTest, OneIncludeAddsAnAdapterOutsideTheGuard) {
  LoraSlots slots;
  SetLora(slots, 0, {.a = at::ones({1, 3}), .b = at::ones({2, 1}), .scale = 0.5});
  AdapterSwitch adapters(OnAllRows(0));
  const auto added = [&] {
    const at::Tensor x = at::ones({4, 3}), y = at::zeros({4, 2});
    AddAdapters(y, x, /*tokens=*/1, slots, adapters.rows(),
                [](at::Tensor out, const at::Tensor& in, const LoraLayer& lora, double scale) {
                  out.add_(at::matmul(at::matmul(in, lora.a.t()), lora.b.t()), scale);
                });
    return y.sum().item<double>();
  };
  EXPECT_EQ(added(), 4 * 2 * 0.5 * 3);
  const AdapterGuard base(adapters);
  EXPECT_EQ(added(), 0.0);
}

}  // namespace
}  // namespace draftp
