// Tests of models of which a part stays on the host, with the CPU as their device.
#include "draftp/sdxl/offload_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "draftp/sdxl/conditioner.h"
#include "draftp/sdxl/sdxl_predictor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

SdxlModel LoadedFor(MemoryMode mode, const std::string& lora) {
  SdxlSources sources{.model = "testdata/tiny_sdxl",
                      .adapters = {{"testdata/adapters/" + lora, 1.0}}};
  SdxlModel model = SdxlModel::Load(sources, *ChooseDevice("cpu", "float32")).value();
  Offload(mode, model);
  return model;
}

struct Drawn {
  Conditions conditions;
  at::Tensor predictions;
};

Drawn DrawWith(const SdxlModel& model) {
  const at::NoGradGuard no_grad;
  Drawn drawn{Conditioner(model, {.size = {128, 128}})({"a red circle"}).value(), {}};
  SdxlPredictor predictor(model.Networks(), {.unet = {.pieces = model.unet_pieces}});
  predictor.SetConditioning(drawn.conditions.unconditional, drawn.conditions.conditional,
                            drawn.conditions.own);
  const at::Tensor x = at::randn({1, 4, 16, 16}, at::detail::createCPUGenerator(1), at::kFloat);
  const std::vector<RowGroup> rows = {{0, Condition::kUnconditional}, {1, Condition::kConditional}};
  predictor(x, 700, rows);
  drawn.predictions = predictor(x, 500, rows);
  return drawn;
}

class OffloadModelTest : public ::testing::TestWithParam<std::string> {};

TEST_P(OffloadModelTest, ModesComputeTheSame) {
  const SdxlModel fast = LoadedFor(MemoryMode::kFast, GetParam());
  const Drawn expected = DrawWith(fast);
  for (const MemoryMode mode : {MemoryMode::kBalanced, MemoryMode::kSmall}) {
    const SdxlModel model = LoadedFor(mode, GetParam());
    const Drawn found = DrawWith(model);
    EXPECT_TRUE(
        at::equal(found.conditions.conditional.context, expected.conditions.conditional.context));
    EXPECT_THAT(found.predictions, testing::IsCloseTo(expected.predictions, 1e-5));
  }
}

// A LoRA that rows carry, and a copy that shares layers with the base.
INSTANTIATE_TEST_SUITE_P(Adapters, OffloadModelTest, ::testing::Values("peft", "dora.safetensors"),
                         [](const auto& test) { return test.param.substr(0, 4); });

TEST(MemoryModeTest, WhatIsOnTheHostHasNoMemoryOnTheDevice) {
  const auto bytes_there = [](const std::vector<at::Tensor>& tensors) {
    size_t bytes = 0;
    for (const at::Tensor& tensor : tensors) {
      if (tensor.storage().data() != nullptr) bytes += tensor.nbytes();
    }
    return bytes;
  };
  for (const MemoryMode mode : {MemoryMode::kFast, MemoryMode::kBalanced, MemoryMode::kSmall}) {
    const SdxlModel model = LoadedFor(mode, "peft");
    DrawWith(model);
    const at::Tensor& embedding = model.text_encoders.second.token_embedding;
    EXPECT_EQ(embedding.storage().data() != nullptr, mode == MemoryMode::kFast);
    size_t all = 0, there = 0, most = 0;
    for (const std::vector<at::Tensor>& piece : PieceWeights(model.unet)) {
      size_t bytes = 0;
      for (const at::Tensor& tensor : piece) bytes += tensor.nbytes();
      all += bytes, there += bytes_there(piece), most = std::max(most, bytes);
    }
    if (mode == MemoryMode::kSmall) {
      EXPECT_LE(there, 2 * most);
    } else {
      EXPECT_EQ(there, all);
    }
  }
}

}  // namespace
}  // namespace draftp
