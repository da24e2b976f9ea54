#include "draftp/metrics/pixels.h"

#include <absl/status/status.h>
#include <absl/strings/str_format.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace draftp {
namespace {

// Integers throughout: luma in 1/1000 of a channel's step.
constexpr int64_t kDark = 25500;   // 0.1 * 255 * 1000
constexpr int64_t kEdge = 102000;  // 0.05 * 255 * 1000 * 8, the kernels' sum

void CheckPicture(const RgbImage& picture) {
  TORCH_CHECK(picture.width > 0 && picture.height > 0 &&
                  std::ssize(picture.pixels) == int64_t{3} * picture.width * picture.height,
              "found a picture of ", picture.width, "x", picture.height, " with ",
              picture.pixels.size(), " channel values, expected 3 a pixel");
}

// Share of pixels with a Sobel gradient above kEdge.
double EdgeDensity(const std::vector<int64_t>& luma, int width, int height) {
  const auto at = [&](int x, int y) {
    return luma[static_cast<size_t>(std::clamp(y, 0, height - 1)) * static_cast<size_t>(width) +
                static_cast<size_t>(std::clamp(x, 0, width - 1))];
  };
  int64_t edges = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int64_t corners = at(x + 1, y + 1) - at(x - 1, y - 1);
      const int64_t others = at(x + 1, y - 1) - at(x - 1, y + 1);
      const int64_t across = corners + others + 2 * (at(x + 1, y) - at(x - 1, y));
      const int64_t down = corners - others + 2 * (at(x, y + 1) - at(x, y - 1));
      edges += across * across + down * down > kEdge * kEdge ? 1 : 0;
    }
  }
  return static_cast<double>(edges) / static_cast<double>(luma.size());
}

// Bits.
double Entropy(const std::array<int64_t, 512>& histogram, double total) {
  double bits = 0;
  for (const int64_t count : histogram) {
    const double share = static_cast<double>(count) / total;
    if (count > 0) bits -= share * std::log2(share);
  }
  return bits;
}

}  // namespace

PixelStatistics MeasurePixels(const RgbImage& picture) {
  CheckPicture(picture);
  std::array<int64_t, 512> histogram{};
  std::vector<int64_t> luma;
  luma.reserve(picture.pixels.size() / 3);
  int64_t clamped = 0, dark = 0;
  double saturation = 0;
  for (size_t i = 0; i < picture.pixels.size(); i += 3) {
    const int r = picture.pixels[i], g = picture.pixels[i + 1], b = picture.pixels[i + 2];
    for (const int value : {r, g, b}) clamped += value == 0 || value == 255 ? 1 : 0;
    luma.push_back(int64_t{299} * r + int64_t{587} * g + int64_t{114} * b);
    dark += luma.back() < kDark ? 1 : 0;
    const auto [low, high] = std::minmax({r, g, b});
    saturation += high > 0 ? static_cast<double>(high - low) / high : 0.0;
    const size_t bin = picture.pixels[i] / 32 * size_t{64} +
                       picture.pixels[i + 1] / 32 * size_t{8} + picture.pixels[i + 2] / 32;
    ++histogram[bin];
  }
  const auto pixels = static_cast<double>(luma.size());
  return {.clamped = static_cast<double>(clamped) / (3 * pixels),
          .dark = static_cast<double>(dark) / pixels,
          .saturation = saturation / pixels,
          .edge_density = EdgeDensity(luma, picture.width, picture.height),
          .colour_entropy = Entropy(histogram, pixels)};
}

absl::StatusOr<PixelStatistics> MeanPixelStatistics(std::span<const PixelStatistics> pictures) {
  if (pictures.empty())
    return absl::FailedPreconditionError("pixel statistics: there is no picture, 1 is needed");
  PixelStatistics mean;
  const auto n = static_cast<double>(pictures.size());
  for (const PixelStatistics& picture : pictures) {
    mean.clamped += picture.clamped / n;
    mean.dark += picture.dark / n;
    mean.saturation += picture.saturation / n;
    mean.edge_density += picture.edge_density / n;
    mean.colour_entropy += picture.colour_entropy / n;
  }
  return mean;
}

absl::StatusOr<double> SameNoiseDrift(const RgbImage& picture, const RgbImage& base) {
  CheckPicture(picture);
  CheckPicture(base);
  if (picture.width != base.width || picture.height != base.height) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "same-noise drift: found a picture of %dx%d beside base's of %dx%d, expected one size",
        picture.width, picture.height, base.width, base.height));
  }
  int64_t squares = 0;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const int difference = int{picture.pixels[i]} - int{base.pixels[i]};
    squares += int64_t{difference} * difference;
  }
  return std::sqrt(static_cast<double>(squares) / static_cast<double>(picture.pixels.size()));
}

absl::StatusOr<double> DriftOfSet(std::span<const double> drifts) {
  if (drifts.empty())
    return absl::FailedPreconditionError("same-noise drift: there is no picture, 1 is needed");
  double squares = 0;
  for (const double drift : drifts) squares += drift * drift;
  if (!std::isfinite(squares)) {
    return absl::DataLossError("same-noise drift: found NaN or infinity, expected numbers");
  }
  return std::sqrt(squares / static_cast<double>(drifts.size()));
}

}  // namespace draftp
