#include "draftp/model/banded_blocks.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/Exception.h>
#include <c10/util/FunctionRef.h>

#include <algorithm>
#include <array>
#include <utility>

#include "draftp/kernels/group_norm.h"
#include "draftp/model/resnet.h"

namespace draftp {
namespace {

// Rows [begin, end) of what a convolution reads: [1,in,end-begin,w].
using RowsOf = c10::function_ref<at::Tensor(int64_t begin, int64_t end)>;

enum class Result { kWritten, kAdded };

// Writes conv(input) to y [1,out,h,w], or adds it, a band of `rows` rows after the other. The
// convolution keeps the size.
void ConvolveInBands(RowsOf input, const ConvWeights& conv, int64_t rows, Result result,
                     const at::Tensor& y) {
  const int64_t height = y.size(2), halo = conv.padding;
  for (int64_t begin = 0; begin < height; begin += rows) {
    const int64_t end = std::min(begin + rows, height);
    const int64_t first = std::max<int64_t>(begin - halo, 0), last = std::min(end + halo, height);
    const at::Tensor band = Conv2d(input(first, last), conv).narrow(2, begin - first, end - begin);
    at::Tensor into = y.narrow(2, begin, end - begin);
    result == Result::kAdded ? into.add_(band) : into.copy_(band);
  }
}

at::Tensor Rows(const at::Tensor& x, int64_t begin, int64_t end) {
  return x.narrow(2, begin, end - begin);
}

// Rows of SiLU(GroupNorm(x)); the statistics are those of all of x.
class NormedRows {
 public:
  NormedRows(const at::Tensor& x, const NormWeights& norm)
      : x_(x), norm_(norm), statistics_(kernels::GroupStatistics(x, norm.groups, norm.eps)) {}

  at::Tensor operator()(int64_t begin, int64_t end) const {
    return kernels::NormaliseGroups(Rows(x_, begin, end), statistics_, norm_.weight, norm_.bias,
                                    /*silu=*/true);
  }

 private:
  const at::Tensor& x_;
  const NormWeights& norm_;
  at::Tensor statistics_;
};

at::Tensor EmptyPicture(const at::Tensor& like, int64_t channels, int64_t height, int64_t width) {
  return at::empty({1, channels, height, width},
                   like.options().memory_format(at::MemoryFormat::ChannelsLast));
}

int64_t RowsOfBand(int64_t most, int64_t channels, int64_t width) {
  constexpr int64_t kLeast = 8;  // two rows more are read for each band
  return std::max(most / (channels * width), kLeast);
}

int64_t OutChannels(const ConvWeights& conv) { return conv.weight.size(0); }

// Resnet() without time, which writes to x where nothing stands between x and the sum.
at::Tensor ResnetInBands(at::Tensor x, const ResnetWeights& weights, int64_t most) {
  TORCH_CHECK(!weights.time_emb_proj && weights.output_scale == 1.0, "a decoder's resnet");
  const int64_t height = x.size(2), width = x.size(3), out = OutChannels(weights.conv1);
  const int64_t rows = RowsOfBand(most, std::max(x.size(1), out), width);
  const at::Tensor hidden = EmptyPicture(x, out, height, width);
  ConvolveInBands(NormedRows(x, weights.norm1), weights.conv1, rows, Result::kWritten, hidden);
  if (weights.conv_shortcut) {
    const at::Tensor shortcut = EmptyPicture(x, out, height, width);
    const auto plain = [&x](int64_t begin, int64_t end) { return Rows(x, begin, end); };
    ConvolveInBands(plain, *weights.conv_shortcut, rows, Result::kWritten, shortcut);
    x = shortcut;
  }
  ConvolveInBands(NormedRows(hidden, weights.norm2), weights.conv2, rows, Result::kAdded, x);
  return x;
}

// ResizeConv2d() to twice the size.
at::Tensor DoubleInBands(const at::Tensor& x, const ConvWeights& conv, int64_t most) {
  const int64_t height = 2 * x.size(2), width = 2 * x.size(3);
  const at::Tensor y = EmptyPicture(x, OutChannels(conv), height, width);
  const auto doubled = [&x, width](int64_t begin, int64_t end) {
    const int64_t first = begin / 2, last = (end + 1) / 2;
    const std::array<int64_t, 2> size{2 * (last - first), width};
    return at::upsample_nearest2d(Rows(x, first, last), size)
        .narrow(2, begin - 2 * first, end - begin);
  };
  ConvolveInBands(doubled, conv, RowsOfBand(most, x.size(1), width), Result::kWritten, y);
  return y;
}

}  // namespace

at::Tensor RunVaeUpBlockInBands(at::Tensor x, const VaeUpBlock& block, int64_t most) {
  TORCH_CHECK(x.dim() == 4 && x.size(0) == 1, "one picture at a time, got ", x.sizes());
  for (const ResnetWeights& resnet : block.resnets) x = ResnetInBands(std::move(x), resnet, most);
  return block.upsampler ? DoubleInBands(x, *block.upsampler, most) : x;
}

at::Tensor NormSiluConv2dInBands(const at::Tensor& x, const NormWeights& norm,
                                 const ConvWeights& weights, int64_t most) {
  const int64_t out = OutChannels(weights);
  const at::Tensor y = EmptyPicture(x, out, x.size(2), x.size(3));
  ConvolveInBands(NormedRows(x, norm), weights,
                  RowsOfBand(most, std::max(x.size(1), out), x.size(3)), Result::kWritten, y);
  return y;
}

}  // namespace draftp
