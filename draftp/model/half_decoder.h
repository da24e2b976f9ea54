// The decoder with convolutions in scaled float16 (kernels/scaled_half.h), for inference on a GPU.
#ifndef DRAFTP_MODEL_HALF_DECODER_H_
#define DRAFTP_MODEL_HALF_DECODER_H_

#include "draftp/model/vae_decoder.h"

namespace draftp {

// Rewrites the weights of float32 convolutions whose channels are multiples of 8, as tensor cores
// take them: all but the first and the last of SDXL's. What is between them stays float32, and so
// do attention and norms. Of a picture whose values go beyond 4 million inside, or whose
// convolution's result goes 60 thousand times beyond what its weights let expect, all is NaN
// or infinity.
void PackInHalf(VaeDecoder& decoder);

// Whether a convolution is packed so, or any of a decoder's.
bool HasHalfProducts(const ConvWeights& convolution);
bool HasHalfProducts(const VaeDecoder& decoder);

// With float32 weights again, those that float16's stand for.
VaeDecoder WithoutHalfProducts(VaeDecoder decoder);

}  // namespace draftp

#endif  // DRAFTP_MODEL_HALF_DECODER_H_
