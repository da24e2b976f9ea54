// The decoder's blocks with little memory: what is between two layers is there for a band of rows
// at a time.
#ifndef DRAFTP_MODEL_BANDED_BLOCKS_H_
#define DRAFTP_MODEL_BANDED_BLOCKS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/model/layers.h"
#include "draftp/model/vae_decoder.h"

namespace draftp {

// Without gradients. Convolutions take bands of rows with the rows that they read beyond them;
// statistics of norms are those of the whole picture. So the results are those of RunVaeUpBlock and
// NormSiluConv2d but for what a library rounds differently at another height.
//
// `most`: elements that a band of a block's widest tensor has at most, 8 rows at least.

// Of float32 128 MiB: 128 rows of the widest tensor of a picture of 1024x1024.
inline constexpr int64_t kDecodedBand = int64_t{1} << 25;

// x [1,C,h,w] -> [1,C',2h,2w] ([1,C',h,w] without upsampler). x is written to.
at::Tensor RunVaeUpBlockInBands(at::Tensor x, const VaeUpBlock& block, int64_t most);

// Conv2d(SiLU(GroupNorm(x))), x [1,C,h,w] -> [1,out,h,w].
at::Tensor NormSiluConv2dInBands(const at::Tensor& x, const NormWeights& norm,
                                 const ConvWeights& weights, int64_t most);

}  // namespace draftp

#endif  // DRAFTP_MODEL_BANDED_BLOCKS_H_
