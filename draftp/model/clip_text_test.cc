#include "draftp/model/clip_text.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsCloseTo;
using testing::IsEqualTo;
using testing::RelativeError;

constexpr char kGelu[] = "testdata/configs/clip_text_gelu";

struct TextCase {
  std::string golden;
  std::string folder;
};

void PrintTo(const TextCase& c, std::ostream* out) { *out << c.golden; }

at::Tensor TextGolden(const std::string& name, const std::string& key) {
  return *(*SafetensorsFile::Open("testdata/goldens/" + name + ".safetensors"))->Tensor(key);
}

using Tensors = std::map<std::string, at::Tensor>;

// The tensors of kGelu, for tests that change some of them.
Tensors GeluTensors() {
  const auto file = *SafetensorsFile::Open(std::string(kGelu) + "/model.safetensors");
  Tensors tensors;
  for (const std::string& name : file->names()) tensors[name] = *file->Tensor(name);
  return tensors;
}

absl::StatusOr<ClipText> LoadGelu(const Tensors& tensors) {
  return ClipText::FromWeights(*ReadClipTextConfig(std::string(kGelu) + "/config.json"),
                               *HuggingFaceLayout::TodaysNames(WeightMap::FromTensors(tensors)),
                               {.dtype = at::kDouble});
}

at::Tensor PooledGelu(const Tensors& tensors) {
  return Encode(*LoadGelu(tensors), TextGolden("clip_text_gelu", "ids"))->pooled;
}

class ClipTextParityTest : public ::testing::TestWithParam<TextCase> {
 protected:
  ClipTextOutput Run(at::ScalarType dtype) {
    const auto model = ClipText::Load(GetParam().folder, {.dtype = dtype});
    TORCH_CHECK(model.ok(), model.status().ToString());
    return *Encode(*model, TextGolden(GetParam().golden, "ids"));
  }
  void ExpectParity(at::ScalarType dtype) {
    const ClipTextOutput output = Run(dtype);
    const double tolerance = testing::DefaultTolerance(dtype);
    const at::Tensor penultimate = TextGolden(GetParam().golden, "penultimate");
    const at::Tensor pooled = TextGolden(GetParam().golden, "pooled");
    EXPECT_THAT(output.penultimate, IsCloseTo(penultimate, tolerance));
    EXPECT_THAT(output.pooled, IsCloseTo(pooled, tolerance));
  }
};

TEST_P(ClipTextParityTest, EqualsTransformersInFloat64) { ExpectParity(at::kDouble); }
TEST_P(ClipTextParityTest, EqualsTransformersInFloat32) { ExpectParity(at::kFloat); }
TEST_P(ClipTextParityTest, IsNearTransformersInBfloat16) { ExpectParity(at::kBFloat16); }

INSTANTIATE_TEST_SUITE_P(
    AllEncoders, ClipTextParityTest,
    ::testing::Values(TextCase{"clip_text_tiny", "testdata/tiny_sdxl/text_encoder"},
                      TextCase{"clip_text_tiny_2", "testdata/tiny_sdxl/text_encoder_2"},
                      TextCase{"clip_text_eos2", "testdata/configs/clip_text_eos2"},
                      TextCase{"clip_text_gelu", kGelu},
                      TextCase{"clip_text_gelu_new", "testdata/configs/clip_text_gelu_new"}),
    [](const auto& info) { return info.param.golden; });

TEST(ClipTextTest, SwappedLayersGiveAnotherResult) {
  Tensors tensors = GeluTensors();
  const at::Tensor before = PooledGelu(tensors);
  EXPECT_THAT(before, IsCloseTo(TextGolden("clip_text_gelu", "pooled"), 1e-9));
  for (auto& [name, tensor] : tensors) {
    const size_t at = name.find("layers.0.");
    if (at == std::string::npos) continue;
    std::swap(tensor, tensors.at(std::string(name).replace(at, 9, "layers.1.")));
  }
  EXPECT_GT(RelativeError(PooledGelu(tensors), before), 1e-2);
}

TEST(ClipTextTest, PositionsSeeOnlyWhatIsBeforeThem) {
  const auto model = ClipText::Load(kGelu, {.dtype = at::kDouble});
  const at::Tensor ids = TextGolden("clip_text_gelu", "ids");
  at::Tensor changed = ids.clone();
  changed.select(1, 3).fill_(7);
  const at::Tensor a = Encode(*model, ids)->penultimate;
  const at::Tensor b = Encode(*model, changed)->penultimate;
  EXPECT_THAT(b.narrow(1, 0, 3), IsCloseTo(a.narrow(1, 0, 3), 1e-13));
  EXPECT_GT(RelativeError(b.narrow(1, 4, 10), a.narrow(1, 4, 10)), 1e-3);
}

TEST(ClipTextTest, GradientsReachTheWeights) {
  auto model = *ClipText::Load(kGelu, {.dtype = at::kDouble});
  model.token_embedding.requires_grad_();
  Encode(model, TextGolden("clip_text_gelu", "ids"))->pooled.sum().backward();
  EXPECT_GT(model.token_embedding.grad().abs().sum().item<double>(), 0);
}

TEST(ClipTextTest, LoadsWithAndWithoutPrefixAndIgnoresPositionIds) {
  const Tensors tensors = GeluTensors();
  Tensors renamed = {{"embeddings.position_ids", at::arange(14).unsqueeze(0)}};
  for (const auto& [name, tensor] : tensors) {
    renamed[name.starts_with("text_model.") ? name.substr(11) : name] = tensor;
  }
  EXPECT_THAT(PooledGelu(renamed), IsEqualTo(PooledGelu(tensors)));
}

TEST(ClipTextTest, NamesTensorsThatAreMissingMisshapenOrTooMany) {
  Tensors tensors = GeluTensors();
  tensors["logit_scale"] = at::full({}, 1.0);
  EXPECT_THAT(std::string(LoadGelu(tensors).status().message()), HasSubstr("logit_scale"));
  tensors.erase("logit_scale");
  tensors["text_projection.weight"] = at::full({3, 48}, 1.0);
  EXPECT_THAT(std::string(LoadGelu(tensors).status().message()),
              HasSubstr("text_projection.weight"));
  tensors.erase("text_projection.weight");
  EXPECT_THAT(std::string(LoadGelu(tensors).status().message()),
              HasSubstr("text_projection.weight"));
}

TEST(ClipTextTest, RejectsIdsOfAnotherVocabulary) {
  const auto model = ClipText::Load(kGelu, {});
  const at::Tensor ids = at::tensor({48, 50, 47}, at::kLong).unsqueeze(0);
  EXPECT_THAT(std::string(Encode(*model, ids).status().message()),
              AllOf(HasSubstr("token id 50"), HasSubstr("vocab_size is 50")));
  EXPECT_FALSE(Encode(*model, ids - 100).ok());
}

TEST(ClipTextTest, RejectsRowsWithoutEndOfText) {
  const auto model = ClipText::Load(kGelu, {});
  const at::Tensor ids = at::tensor({48, 47, 48, 3}, at::kLong).view({2, 2});
  EXPECT_THAT(std::string(Encode(*model, ids).status().message()), HasSubstr("eos_token_id is 47"));
}

TEST(ClipTextTest, RejectsMorePositionsThanItHas) {
  const auto model = ClipText::Load(kGelu, {});
  EXPECT_THROW((void)Encode(*model, at::full({1, 15}, 47, at::kLong)), c10::Error);
  EXPECT_THROW((void)Encode(*model, at::full({1, 14}, 47, at::kInt)), c10::Error);
}

}  // namespace
}  // namespace draftp
