#include "draftp/kernels/cpu/group_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "draftp/kernels/cpu/supported_kernels.h"
#include "draftp/kernels/cpu/thread_pool.h"

namespace draftp::cpu {
namespace {

// Rows of pixels of one image that one thread takes.
struct Strip {
  int64_t image, begin, end;
};

// Calls f(strip) on strips that cover all rows; one strip an image where that keeps all threads
// busy.
template <class F>
void ForStrips(const Pictures& x, int64_t strips, F&& f) {
  ParallelFor(x.images * strips, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t strip = i % strips;
      f(Strip{i / strips, x.height * strip / strips, x.height * (strip + 1) / strips}, strip);
    }
  });
}

int64_t StripsPerImage(const Pictures& x) {
  constexpr int64_t kSmall = 16384;  // values that aren't worth a second thread
  const int64_t threads = ThreadsFromHere();
  if (x.images >= threads || x.pixels() * x.channels < kSmall) return 1;
  return std::min<int64_t>(x.height, (threads + x.images - 1) / x.images);
}

const float* PixelRow(const Pictures& x, int64_t image, int64_t y) {
  return x.data + (image * x.pixels() + y * x.width) * x.channels;
}

// Zeroes the border beside the strip's rows, and above and below the picture at its ends.
void ZeroBorder(const Pictures& x, const PaddedPictures& output, const Strip& strip) {
  const int64_t side = output.padding * x.channels;
  if (side == 0) return;
  float* image = output.data + strip.image * output.image;
  for (int64_t y = strip.begin; y < strip.end; ++y) {
    float* row = image + y * output.row;
    std::fill(row - side, row, 0.0f);
    std::fill(row + x.width * x.channels, row + x.width * x.channels + side, 0.0f);
  }
  const int64_t line = x.width * x.channels + 2 * side;
  for (int64_t i = 1; i <= output.padding; ++i) {
    if (strip.begin == 0) std::fill_n(image - i * output.row - side, line, 0.0f);
    if (strip.end == x.height)
      std::fill_n(image + (x.height + i - 1) * output.row - side, line, 0.0f);
  }
}

// Per channel, the factor and summand that normalise one image.
struct Affine {
  std::vector<float> scale, shift;
};

// From sums around x0 [C], each over `pixels`: of x - x0 [C], and of its square [C].
Affine FromSums(const std::vector<double>& sums, const float* x0, int64_t pixels,
                const GroupNormWeights& norm) {
  const auto channels = static_cast<int64_t>(sums.size() / 2);
  const int64_t width = channels / norm.groups;
  const double n = static_cast<double>(pixels);
  Affine affine{std::vector<float>(channels), std::vector<float>(channels)};
  for (int64_t begin = 0; begin < channels; begin += width) {
    double mean = 0, variance = 0;
    for (int64_t c = begin; c < begin + width; ++c) mean += (x0[c] + sums[c] / n) / width;
    for (int64_t c = begin; c < begin + width; ++c) {
      const double offset = sums[c] / n, distance = x0[c] + offset - mean;
      variance += (sums[channels + c] / n - offset * offset + distance * distance) / width;
    }
    const double inverse = 1 / std::sqrt(std::max(variance, 0.0) + norm.eps);
    for (int64_t c = begin; c < begin + width; ++c) {
      affine.scale[c] = static_cast<float>(norm.weight[c] * inverse);
      affine.shift[c] = static_cast<float>(norm.bias[c] - mean * inverse * norm.weight[c]);
    }
  }
  return affine;
}

}  // namespace

void GroupNormInto(const Pictures& x, const GroupNormWeights& norm, bool silu,
                   const PaddedPictures& output) {
  const KernelTable& kernels = ChosenKernels();
  const int64_t strips = StripsPerImage(x);
  std::vector<std::vector<double>> sums(x.images * strips);
  const auto add_up = [&](const Strip& strip, int64_t index) {
    std::vector<double>& of_strip = sums[strip.image * strips + index];
    of_strip.assign(2 * x.channels, 0.0);
    kernels.channel_sums(PixelRow(x, strip.image, strip.begin), (strip.end - strip.begin) * x.width,
                         x.channels, PixelRow(x, strip.image, 0), of_strip.data());
  };
  const auto normalise = [&](const Strip& strip) {
    std::vector<double> total(2 * x.channels);
    for (int64_t i = 0; i < strips; ++i) {
      for (size_t c = 0; c < total.size(); ++c) total[c] += sums[strip.image * strips + i][c];
    }
    const Affine affine = FromSums(total, PixelRow(x, strip.image, 0), x.pixels(), norm);
    ZeroBorder(x, output, strip);
    for (int64_t y = strip.begin; y < strip.end; ++y) {
      kernels.scale_shift(PixelRow(x, strip.image, y), x.width, x.channels, affine.scale.data(),
                          affine.shift.data(), silu,
                          output.data + strip.image * output.image + y * output.row);
    }
  };
  if (strips == 1) {
    ForStrips(x, 1, [&](const Strip& strip, int64_t) {
      add_up(strip, 0);
      normalise(strip);
    });
  } else {
    ForStrips(x, strips, add_up);
    ForStrips(x, strips, [&](const Strip& strip, int64_t) { normalise(strip); });
  }
}

void CopyInto(const Pictures& x, const PaddedPictures& output) {
  ForStrips(x, StripsPerImage(x), [&](const Strip& strip, int64_t) {
    ZeroBorder(x, output, strip);
    for (int64_t y = strip.begin; y < strip.end; ++y) {
      std::copy_n(PixelRow(x, strip.image, y), x.width * x.channels,
                  output.data + strip.image * output.image + y * output.row);
    }
  });
}

}  // namespace draftp::cpu
