// Turns decoded images into the bytes of a picture file.
#ifndef DRAFTP_MODEL_LATENT_IMAGE_H_
#define DRAFTP_MODEL_LATENT_IMAGE_H_

#include <ATen/core/Tensor.h>

namespace draftp {

// Pixels of images [B,3,H,W], floating point in [0,255], by truncation towards zero, as the
// original wrote them (rounding would brighten half of the values by one): [B,H,W,3] uint8 on the
// CPU, contiguous, so that image b is data_ptr + b*H*W*3, rows top down, red green blue. Values
// outside [0,255] are a programmer's mistake (c10::Error), NaN included.
at::Tensor TruncateToRgb8(const at::Tensor& images);

}  // namespace draftp

#endif  // DRAFTP_MODEL_LATENT_IMAGE_H_
