#include "draftp/reward/clip_preprocess.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

// Pictures preprocessed by torchvision's rules: testdata/generate/reward.py.
struct Pixels {
  std::string key;
  int64_t size;
  at::Tensor images, expected;
};

std::vector<Pixels> Goldens() {
  const auto file = *SafetensorsFile::Open("testdata/goldens/reward_pixels.safetensors");
  std::vector<Pixels> all;
  for (const std::string& name : file->names()) {
    if (!name.ends_with(".f64")) continue;
    const std::string key = name.substr(0, name.size() - 4);
    all.push_back({key, std::stoll(key.substr(key.find('_') + 1)), *file->Tensor(key + ".images"),
                   *file->Tensor(name)});
  }
  return all;
}

TEST(ClipPreprocessTest, EqualsTorchvision) {
  EXPECT_EQ(Goldens().size(), 7u);
  for (const Pixels& golden : Goldens()) {
    const ClipPreprocess preprocess(golden.size);
    EXPECT_THAT(preprocess(golden.images.to(at::kDouble)), IsCloseTo(golden.expected, 1e-13))
        << golden.key;
    const at::Tensor in_float = preprocess(golden.images.to(at::kFloat));
    EXPECT_EQ(in_float.scalar_type(), at::kFloat);
    EXPECT_THAT(in_float, IsCloseTo(golden.expected, 1e-6)) << golden.key;
  }
}

TEST(ClipPreprocessTest, HalfPrecisionPicturesAreComputedInFloat32) {
  const Pixels golden = Goldens()[0];  // whole numbers: exact in bfloat16
  const at::Tensor out = ClipPreprocess(golden.size)(golden.images.to(at::kBFloat16));
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_THAT(out, IsCloseTo(golden.expected, 1e-6));
}

TEST(ClipPreprocessTest, GradientIsThatOfFiniteDifferences) {
  for (const auto& [height, width] : {std::pair(11, 7), std::pair(4, 5), std::pair(6, 17)}) {
    const at::Tensor x = HashTensor("x", {1, 3, height, width}) * 60 + 128;
    const ClipPreprocess preprocess(6);
    EXPECT_LT(GradientError(preprocess, x), 1e-7) << height << "x" << width;
  }
}

TEST(ClipPreprocessTest, TakesAnyMemoryFormatAndSharesItsMatricesSafely) {
  const at::Tensor x = HashTensor("x", {2, 3, 9, 12}) * 60 + 128;
  const ClipPreprocess preprocess(6), copy = preprocess;
  const at::Tensor expected = preprocess(x);
  EXPECT_THAT(copy(x.contiguous(at::MemoryFormat::ChannelsLast)), IsEqualTo(expected));
  EXPECT_THAT(copy(x.transpose(2, 3)), IsCloseTo(expected.transpose(2, 3), 1e-14));
  EXPECT_THAT(copy(x.to(at::kFloat)), IsCloseTo(expected, 1e-6));
}

TEST(ClipPreprocessTest, NormalisesWithWhatItIsGiven) {
  const at::Tensor out = ClipPreprocess(2, {0, 0.5, 1}, {1, 2, 4})(at::ones({1, 3, 2, 2}) * 255);
  EXPECT_NEAR(out.select(1, 0).max().item<double>(), 1, 1e-6);
  EXPECT_NEAR(out.select(1, 1).min().item<double>(), 0.25, 1e-6);
  EXPECT_NEAR(out.select(1, 2).abs().max().item<double>(), 0, 1e-6);
}

TEST(ClipPreprocessTest, RejectsWhatIsNoPicture) {
  EXPECT_THROW(ClipPreprocess(4)(at::ones({3, 4, 4})), c10::Error);
  EXPECT_THROW(ClipPreprocess(4)(at::ones({1, 1, 4, 4})), c10::Error);
}

TEST(BicubicMatrixTest, KeepsConstantsAndIsTheIdentityWhereNothingIsResized) {
  EXPECT_THAT(BicubicMatrix(7, 7, 0, 7), IsCloseTo(at::eye(7, at::kDouble), 1e-15));
  for (const auto& [in, out] : {std::pair(13, 5), std::pair(5, 13), std::pair(1, 4)}) {
    EXPECT_THAT(BicubicMatrix(in, out, 0, out).sum(1),
                IsCloseTo(at::ones(out, at::kDouble), 1e-14));
  }
}

TEST(BicubicMatrixTest, ACropIsItsRows) {
  EXPECT_THAT(BicubicMatrix(20, 12, 3, 5), IsEqualTo(BicubicMatrix(20, 12, 0, 12).narrow(0, 3, 5)));
  EXPECT_THROW(BicubicMatrix(20, 12, 8, 5), c10::Error);
}

// By hand: the kernel at distances 1.25, 0.25, 0.75 and 1.75, and nothing from 2 on.
TEST(BicubicMatrixTest, HasKeysWeights) {
  const at::Tensor row = BicubicMatrix(6, 12, 5, 1)[0];  // centre 2.75
  const at::Tensor expected =
      at::tensor({0.0, -0.0703125, 0.8671875, 0.2265625, -0.0234375, 0.0}, at::kDouble);
  EXPECT_THAT(row, IsCloseTo(expected, 1e-15));
}

TEST(ClipCropTest, RoundsAsTorchvision) {
  const ClipCrop wide = ClipCrop::Of(16, 25, 16);  // (25 - 16) / 2 = 4.5 to the even 4
  EXPECT_EQ(wide.width, 25);
  EXPECT_EQ(wide.left, 4);
  EXPECT_EQ(ClipCrop::Of(28, 43, 28).left, 8);  // 7.5
  const ClipCrop tall = ClipCrop::Of(37, 23, 14);
  EXPECT_EQ(tall.height, 22);  // int(14 * 37 / 23 = 22.5)
  EXPECT_EQ(tall.width, 14);
  EXPECT_EQ(tall.top, 4);
}

}  // namespace
}  // namespace draftp::testing
