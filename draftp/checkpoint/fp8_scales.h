// The scales that files of fp8 weights keep beside them.
#ifndef DRAFTP_CHECKPOINT_FP8_SCALES_H_
#define DRAFTP_CHECKPOINT_FP8_SCALES_H_

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// The same tensors, of which each LAYER.weight that has LAYER.scale_weight or LAYER.weight_scale
// beside it, one number, is what it stands for when it is taken: weight * scale, in float32. The
// scales, those of activations (scale_input, input_scale) and the mark scaled_fp8 are taken out.
// ComfyUI, comfy/ops.py and QUANTIZATION.md. Weights of another quantisation (blocks of int8,
// weight_scale_2, pre_quant_scale) are an error by name.
absl::StatusOr<WeightMap> TakeFp8Scales(WeightMap weights);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_FP8_SCALES_H_
