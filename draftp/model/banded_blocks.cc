#include "draftp/model/banded_blocks.h"

#include <ATen/ops/empty.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/Exception.h>
#include <c10/util/FunctionRef.h>

#include <algorithm>
#include <utility>

#include "draftp/kernels/group_norm.h"
#include "draftp/model/half_decoder.h"
#include "draftp/model/resnet.h"

namespace draftp {
namespace {

// Rows [begin, end) of what a convolution reads: [1,in,end-begin,w].
using RowsOf = c10::function_ref<at::Tensor(int64_t begin, int64_t end)>;

// Writes conv(input) to y [1,out,h,w], or adds it, a band of `rows` rows after the other. The
// convolution keeps the size, or doubles it where it resizes.
void ConvolveInBands(RowsOf input, const ConvWeights& conv, int64_t rows, kernels::Rows result,
                     const at::Tensor& y) {
  const int64_t factor = conv.resizes ? 2 : 1, halo = conv.padding;
  const int64_t height = y.size(2);
  for (int64_t begin = 0; begin < height; begin += rows) {
    const int64_t end = std::min(begin + rows, height);
    const int64_t first = std::max<int64_t>(begin - halo, 0) / factor,
                  last = (std::min(end + halo, height) + factor - 1) / factor;
    Conv2dRows(input(first, last), conv, begin - factor * first, result,
               y.narrow(2, begin, end - begin));
  }
}

at::Tensor RowsOfPicture(const at::Tensor& x, int64_t begin, int64_t end) {
  return x.narrow(2, begin, end - begin);
}

// Rows of SiLU(GroupNorm(x)) for a convolution; the statistics are those of all of x.
class NormedRows {
 public:
  NormedRows(const at::Tensor& x, const NormWeights& norm, const ConvWeights& reader)
      : x_(x),
        norm_(norm),
        in_half_(HasHalfProducts(reader)),
        statistics_(kernels::GroupStatistics(x, norm.groups, norm.eps)) {}

  at::Tensor operator()(int64_t begin, int64_t end) const {
    return kernels::NormaliseGroups(RowsOfPicture(x_, begin, end), statistics_, norm_.weight,
                                    norm_.bias, /*silu=*/true, in_half_);
  }

 private:
  const at::Tensor& x_;
  const NormWeights& norm_;
  bool in_half_;
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

int64_t OutChannels(const ConvWeights& conv) { return conv.bias.size(0); }

// Resnet() without time, which writes to x where nothing stands between x and the sum.
at::Tensor ResnetInBands(at::Tensor x, const ResnetWeights& weights, int64_t most) {
  TORCH_CHECK(!weights.time_emb_proj && weights.output_scale == 1.0, "a decoder's resnet");
  const int64_t height = x.size(2), width = x.size(3), out = OutChannels(weights.conv1);
  const int64_t rows = RowsOfBand(most, std::max(x.size(1), out), width);
  const at::Tensor hidden = EmptyPicture(x, out, height, width);
  ConvolveInBands(NormedRows(x, weights.norm1, weights.conv1), weights.conv1, rows,
                  kernels::Rows::kWritten, hidden);
  if (weights.conv_shortcut) {
    const at::Tensor shortcut = EmptyPicture(x, out, height, width);
    const auto plain = [&x](int64_t begin, int64_t end) { return RowsOfPicture(x, begin, end); };
    ConvolveInBands(plain, *weights.conv_shortcut, rows, kernels::Rows::kWritten, shortcut);
    x = shortcut;
  }
  ConvolveInBands(NormedRows(hidden, weights.norm2, weights.conv2), weights.conv2, rows,
                  kernels::Rows::kAdded, x);
  return x;
}

// ResizeConv2d() to twice the size.
at::Tensor DoubleInBands(const at::Tensor& x, const ConvWeights& conv, int64_t most) {
  const int64_t height = 2 * x.size(2), width = 2 * x.size(3);
  const at::Tensor y = EmptyPicture(x, OutChannels(conv), height, width);
  const auto rows = [&x](int64_t begin, int64_t end) { return RowsOfPicture(x, begin, end); };
  ConvolveInBands(rows, conv, RowsOfBand(most, x.size(1), width), kernels::Rows::kWritten, y);
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
  ConvolveInBands(NormedRows(x, norm, weights), weights,
                  RowsOfBand(most, std::max(x.size(1), out), x.size(3)), kernels::Rows::kWritten,
                  y);
  return y;
}

}  // namespace draftp
