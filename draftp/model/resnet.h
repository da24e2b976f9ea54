// The residual block of UNet and VAE.
#ifndef DRAFTP_MODEL_RESNET_H_
#define DRAFTP_MODEL_RESNET_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"

namespace draftp {

// diffusers' ResnetBlock2D; members carry its names.
struct ResnetWeights {
  NormWeights norm1;
  ConvWeights conv1;  // in -> out, 3x3
  std::optional<LinearWeights>
      time_emb_proj;  // E -> out, or 2 out where time scales and shifts; a VAE has none
  NormWeights norm2;
  ConvWeights conv2;                         // out -> out, 3x3
  std::optional<ConvWeights> conv_shortcut;  // in -> out, 1x1, where in != out
  bool scale_shift = false;                  // resnet_time_scale_shift = "scale_shift"
  double output_scale = 1.0;                 // the sum is divided by it
};

struct ResnetOptions {
  int64_t time_channels = 0;  // E; 0 for a block without time
  int64_t groups = 32;
  double eps = 1e-5;
  bool scale_shift = false;
  double output_scale = 1.0;
};

ResnetWeights ResnetSkeleton(int64_t in, int64_t out, const ResnetOptions& options);

// (shortcut(x) + conv2(SiLU(norm2(conv1(SiLU(norm1(x))) + proj(time))))) / output_scale.
// x [R,in,h,w]; `activated_time` = SiLU(time embedding) [R,E] or [1,E], undefined for a block
// without time.
// -> [R,out,h,w]
at::Tensor Resnet(const at::Tensor& x, const at::Tensor& activated_time,
                  const ResnetWeights& weights, const AdapterRows& rows = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_RESNET_H_
