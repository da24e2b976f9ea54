// How much memory SDXL's networks take, from the shapes of their layers alone.
#ifndef DRAFTP_SDXL_MEMORY_ESTIMATE_H_
#define DRAFTP_SDXL_MEMORY_ESTIMATE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "draftp/model/clip_image.h"
#include "draftp/model/clip_text.h"
#include "draftp/model/conditioning.h"
#include "draftp/model/unet.h"
#include "draftp/model/vae_decoder.h"

namespace draftp {

// Everything below counts elements of a network's dtype, as LibTorch's operators keep them on a
// CPU or, where it is said, kernels on a GPU; tensors that are small beside an image's (time
// embeddings, low-rank factors) don't count.
struct KeptElements {
  int64_t kept = 0;     // from the forward pass to the backward pass
  int64_t passing = 0;  // the most that the backward pass holds besides, at its worst moment
};

struct UNetCall {
  int64_t height = 0, width = 0;     // of the latents
  int64_t tokens = 77;               // of the prompt
  bool recompute = false;            // RecomputePieces
  bool differentiable_input = true;  // whether a gradient flows into the latents too
  bool on_gpu = false;  // kernels there keep less: GroupNorm's, GatedGelu's, FrozenConvolution's
};

// Of one row of a call with gradient: the layers with adapters or weights that need gradients, and
// all that are behind the first of them. The weights must not be packed.
KeptElements KeptByUNet(const UNet& unet, const UNetCall& call);

// Of one image, latents height x width, whose decoder is frozen and whose latents have a gradient.
KeptElements KeptByDecoder(const VaeDecoder& decoder, int64_t height, int64_t width, bool recompute,
                           bool on_gpu = false);

// Of one image of any size, to the tower's embedding.
KeptElements KeptByImageTower(const ClipImage& tower, bool recompute);

// The most elements that live at once in a call without gradient, of one row or image.
int64_t UNetWorkspace(const UNetConfig& config, int64_t height, int64_t width);
int64_t DecoderWorkspace(const VaeConfig& config, int64_t height, int64_t width);
// The same in bands (model/banded_blocks.h).
int64_t BandedDecoderWorkspace(const VaeConfig& config, int64_t height, int64_t width);

// Bytes of a network's weights in the form that it has them in: plain, packed, or both. What is
// shared between two networks counts in each.
int64_t WeightBytes(const UNet& unet);
int64_t WeightBytes(const VaeDecoder& decoder);
int64_t WeightBytes(const ClipText& tower);
int64_t WeightBytes(const SdxlTextEncoders& encoders);
int64_t WeightBytes(const ClipImage& tower);

}  // namespace draftp

#endif  // DRAFTP_SDXL_MEMORY_ESTIMATE_H_
