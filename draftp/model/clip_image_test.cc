#include "draftp/model/clip_image.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/model/visit_weights.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/kept_bytes.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;

// What transformers computes with such a tower is in reward/clip_reward_test.cc.
const ClipImageConfig kConfig = {.image_size = 14,
                                 .patch_size = 4,
                                 .num_layers = 4,
                                 .layer = {.hidden_size = 12,
                                           .intermediate_size = 40,
                                           .num_heads = 3,
                                           .activation = ClipActivation::kGelu,
                                           .layer_norm_eps = 1e-5,
                                           .causal = false},
                                 .projection_dim = 6};

using Tensors = std::map<std::string, at::Tensor>;

Tensors Checkpoint() {
  const std::string embeddings = "vision_model.embeddings.";
  Tensors tensors = {
      {embeddings + "patch_embedding.weight", HashTensor("patches", {12, 3, 4, 4}) * 0.2},
      {embeddings + "class_embedding", HashTensor("class", {12})},
      {embeddings + "position_embedding.weight", HashTensor("positions", {10, 12})},
      {"visual_projection.weight", HashTensor("projection", {6, 12}) * 0.3}};
  const auto add = [&tensors](const std::string& name, const auto& layer) {
    tensors[name + ".weight"] = HashTensor(name, layer.weight.sizes().vec()) * 0.4;
    tensors[name + ".bias"] = HashTensor(name + "b", layer.bias.sizes().vec()) * 0.4;
  };
  const NormWeights norm = LayerNormSkeleton(12);
  add("vision_model.pre_layrnorm", norm);
  add("vision_model.post_layernorm", norm);
  for (int i = 0; i < 4; ++i) {
    const ClipLayer layer = ClipLayerSkeleton(kConfig.layer);
    VisitWeights("vision_model.encoder.layers." + std::to_string(i), layer, add);
  }
  return tensors;
}

absl::StatusOr<ClipImage> Load(const Tensors& tensors, at::ScalarType dtype = at::kDouble) {
  return ClipImage::FromWeights(
      kConfig, *HuggingFaceLayout::TodaysNames(WeightMap::FromTensors(tensors)), {.dtype = dtype});
}

at::Tensor Pixels(at::ScalarType dtype = at::kDouble) {
  return HashTensor("pixels", {2, 3, 14, 14}).to(dtype);
}

struct Pass {
  at::Tensor embedding, gradient, weight_gradient;
  int64_t kept;  // bytes between forward and backward pass
};

Pass Backpropagate(bool recompute, at::ScalarType dtype) {
  const ClipImage model = *Load(Checkpoint(), dtype);
  const at::Tensor trained = model.layers[1].fc1.weight.detach().requires_grad_();
  ClipImage tuned = model;
  tuned.layers[1].fc1.weight = trained;
  const at::Tensor pixels = Pixels(dtype).requires_grad_();
  Pass run;
  {
    const KeptBytes kept;
    run.embedding = EncodeImage(tuned, pixels, {.pieces = RecomputeIf(recompute)});
    run.kept = kept();
  }
  run.embedding.square().sum().backward();
  run.gradient = pixels.grad();
  run.weight_gradient = trained.grad();
  return run;
}

TEST(ClipImageTest, RecomputedGradientsAreBitEqualAndKeepFewerBytes) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Pass plain = Backpropagate(false, dtype), recomputed = Backpropagate(true, dtype);
    EXPECT_THAT(recomputed.embedding, IsEqualTo(plain.embedding));
    EXPECT_THAT(recomputed.gradient, IsEqualTo(plain.gradient));
    EXPECT_THAT(recomputed.weight_gradient, IsEqualTo(plain.weight_gradient));
    EXPECT_LT(recomputed.kept, plain.kept / 3);
    EXPECT_GT(recomputed.kept, 0);
  }
}

TEST(ClipImageTest, BackwardOutlivesTheModel) {
  const at::Tensor pixels = Pixels().requires_grad_();
  at::Tensor embedding;
  {
    const ClipImage model = *Load(Checkpoint());
    embedding = EncodeImage(model, pixels, {.pieces = RecomputePieces()});
  }
  embedding.square().sum().backward();
  EXPECT_THAT(pixels.grad(), IsEqualTo(Backpropagate(false, at::kDouble).gradient));
}

TEST(ClipImageTest, LooksAtWholePatchesAlone) {
  const at::Tensor pixels = Pixels().requires_grad_();
  EncodeImage(*Load(Checkpoint()), pixels).square().sum().backward();
  EXPECT_EQ(pixels.grad().narrow(2, 12, 2).abs().max().item<double>(), 0);
  EXPECT_EQ(pixels.grad().narrow(3, 12, 2).abs().max().item<double>(), 0);
  EXPECT_GT(pixels.grad().narrow(2, 8, 4).narrow(3, 8, 4).abs().min().item<double>(), 0);
}

TEST(ClipImageTest, ChannelsLastPixelsGiveTheSame) {
  const ClipImage model = *Load(Checkpoint());
  EXPECT_THAT(EncodeImage(model, Pixels().contiguous(at::MemoryFormat::ChannelsLast)),
              IsEqualTo(EncodeImage(model, Pixels())));
}

TEST(ClipImageTest, InferenceKernelsGiveTheSameToRounding) {
  const ClipImage model = *Load(Checkpoint(), at::kFloat);
  const at::Tensor expected = EncodeImage(*Load(Checkpoint()), Pixels());
  EXPECT_THAT(EncodeImage(model, Pixels(at::kFloat)), IsCloseTo(expected, 1e-5));
  const at::NoGradGuard no_grad;
  EXPECT_THAT(EncodeImage(model, Pixels(at::kFloat)), IsCloseTo(expected, 1e-5));
}

TEST(ClipImageTest, IgnoresPositionIdsAndNamesTensorsMissingMisshapenOrTooMany) {
  Tensors tensors = Checkpoint();
  tensors["vision_model.embeddings.position_ids"] = at::arange(10).unsqueeze(0);
  EXPECT_TRUE(Load(tensors).ok());
  tensors["vision_model.logit_scale"] = at::full({}, 1.0);
  EXPECT_THAT(std::string(Load(tensors).status().message()), HasSubstr("vision_model.logit_scale"));
  tensors.erase("vision_model.logit_scale");
  tensors["visual_projection.weight"] = at::full({6, 11}, 1.0);
  EXPECT_THAT(std::string(Load(tensors).status().message()),
              HasSubstr("\"visual_projection.weight\": found shape [6, 11], expected [6, 12]"));
  tensors = Checkpoint();
  tensors.erase("vision_model.encoder.layers.2.mlp.fc1.bias");
  EXPECT_THAT(std::string(Load(tensors).status().message()),
              HasSubstr("layers.2.mlp.fc1.bias\": found no such tensor"));
}

TEST(ClipImageTest, RejectsPicturesOfAnotherSize) {
  EXPECT_THROW((void)EncodeImage(*Load(Checkpoint()), HashTensor("x", {1, 3, 14, 15})), c10::Error);
  EXPECT_THROW((void)EncodeImage(*Load(Checkpoint()), HashTensor("x", {1, 4, 14, 14})), c10::Error);
}

}  // namespace
}  // namespace draftp::testing
