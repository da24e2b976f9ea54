// What pixels alone say of pictures: signs of saturation, flatness and noise, and how far they are
// from base's pictures of the same noise.
#ifndef DRAFTP_METRICS_PIXELS_H_
#define DRAFTP_METRICS_PIXELS_H_

#include <absl/status/statusor.h>

#include <span>

#include "draftp/io/png.h"

namespace draftp {

// Of one picture, or the mean over several. Luma is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), of
// 255.
struct PixelStatistics {
  double clamped = 0;     // share of channel values that are 0 or 255
  double dark = 0;        // share of pixels with a luma below 0.1 * 255
  double saturation = 0;  // mean of HSV's: (max - min) / max over a pixel's channels, 0 for black
  // Share of pixels in which luma changes by more than 0.05 * 255 a pixel: sqrt(gx^2 + gy^2) by
  // Sobel's kernels, [1 2 1]^T [-1 0 1] / 8 and its transpose; beyond the border lies its nearest
  // pixel.
  double edge_density = 0;
  double colour_entropy = 0;  // bits, of the histogram of 8 x 8 x 8 equal bins of RGB; 0 to 9
};

// Throws on a picture without pixels or with another number of them than its sides say.
PixelStatistics MeasurePixels(const RgbImage& picture);

// The mean of each; kFailedPrecondition for none.
absl::StatusOr<PixelStatistics> MeanPixelStatistics(std::span<const PixelStatistics> pictures);

// Root mean square of the channel values' differences to base's picture of the same noise, 0 to
// 255. kFailedPrecondition for another size, names both.
absl::StatusOr<double> SameNoiseDrift(const RgbImage& picture, const RgbImage& base);

// Of a set, from that of its pictures, all of one size: their root mean square. Errors:
// kFailedPrecondition for none, kDataLoss for one that isn't finite.
absl::StatusOr<double> DriftOfSet(std::span<const double> drifts);

}  // namespace draftp

#endif  // DRAFTP_METRICS_PIXELS_H_
