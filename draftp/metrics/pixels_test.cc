// Tests of pixel statistics: against colorsys, scipy.ndimage and scipy.stats.
#include "draftp/metrics/pixels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "draftp/metrics/golden.h"

namespace draftp {
namespace {

RgbImage GoldenPicture(const nlohmann::json& golden, const char* name) {
  return {golden.at("width"), golden.at("height"), golden.at(name).get<std::vector<uint8_t>>()};
}

TEST(Pixels, AreThoseOfTheReferences) {
  for (const auto& golden : testing::MetricsGolden().at("pictures")) {
    const RgbImage picture = GoldenPicture(golden, "picture");
    const PixelStatistics found = MeasurePixels(picture);
    const nlohmann::json& expected = golden.at("statistics");
    EXPECT_NEAR(found.clamped, expected.at("clamped"), 1e-12);
    EXPECT_NEAR(found.dark, expected.at("dark"), 1e-12);
    EXPECT_NEAR(found.saturation, expected.at("saturation"), 1e-12);
    EXPECT_NEAR(found.edge_density, expected.at("edge_density"), 1e-12);
    EXPECT_NEAR(found.colour_entropy, expected.at("colour_entropy"), 1e-12);
    EXPECT_NEAR(*SameNoiseDrift(picture, GoldenPicture(golden, "base")), golden.at("drift"), 1e-12);
  }
}

TEST(Pixels, OfOneColour) {
  const PixelStatistics red = MeasurePixels(FilledImage(4, 3, 255, 0, 0));
  EXPECT_EQ(red.clamped, 1);
  EXPECT_EQ(red.dark, 0);  // luma 76
  EXPECT_EQ(red.saturation, 1);
  EXPECT_EQ(red.edge_density, 0);
  EXPECT_EQ(red.colour_entropy, 0);
  EXPECT_EQ(MeasurePixels(FilledImage(1, 1, 25, 25, 25)).dark, 1);
  EXPECT_EQ(MeasurePixels(FilledImage(1, 1, 26, 26, 26)).dark, 0);
  EXPECT_EQ(MeasurePixels(FilledImage(1, 1, 11, 19, 97)).dark, 0);  // luma 25.5
  EXPECT_EQ(MeasurePixels(FilledImage(1, 1, 9, 34, 25)).dark, 1);   // 25.499
  EXPECT_EQ(MeasurePixels(FilledImage(1, 1, 0, 0, 0)).saturation, 0);
}

TEST(Pixels, EdgesBeginAboveAStepOfTwelvePerPixel) {
  const auto ramp = [](int step) {
    RgbImage image{9, 9, {}};
    for (int i = 0; i < 81; ++i)
      image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(i % 9 * step));
    return MeasurePixels(image).edge_density;
  };
  EXPECT_EQ(ramp(12), 0);                 // 12 < 12.75
  EXPECT_NEAR(ramp(13), 7.0 / 9, 1e-12);  // at the border half of it
}

TEST(Pixels, MeansOverASet) {
  const std::vector<PixelStatistics> two = {{.clamped = 1, .edge_density = 0.5},
                                            {.saturation = 0.5, .colour_entropy = 3}};
  const PixelStatistics mean = *MeanPixelStatistics(two);
  EXPECT_EQ(mean.clamped, 0.5);
  EXPECT_EQ(mean.edge_density, 0.25);
  EXPECT_EQ(mean.saturation, 0.25);
  EXPECT_EQ(mean.colour_entropy, 1.5);
  EXPECT_EQ(*DriftOfSet(std::vector<double>{3, 4, 0, 0}), 2.5);
}

TEST(Pixels, RefuseNoneAndOtherSizes) {
  EXPECT_EQ(MeanPixelStatistics({}).status().message(),
            "pixel statistics: there is no picture, 1 is needed");
  EXPECT_EQ(DriftOfSet({}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      DriftOfSet(std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}).status().code(),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(
      SameNoiseDrift(FilledImage(4, 3, 0, 0, 0), FilledImage(3, 4, 0, 0, 0)).status().message(),
      "same-noise drift: found a picture of 4x3 beside base's of 3x4, expected one size");
  EXPECT_ANY_THROW(MeasurePixels({2, 2, {1, 2, 3}}));
  EXPECT_ANY_THROW(MeasurePixels({}));
}

}  // namespace
}  // namespace draftp
