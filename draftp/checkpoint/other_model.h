// What a file of weights is that isn't SDXL's.
#ifndef DRAFTP_CHECKPOINT_OTHER_MODEL_H_
#define DRAFTP_CHECKPOINT_OTHER_MODEL_H_

#include <string>

#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// "a Flux model", "SD 1.x", "SDXL's refiner", "a LoRA", ... by names and shapes, as ComfyUI's
// model_detection.py and diffusers' single_file_utils.py tell them; empty for SDXL base's layout
// and for what isn't known. `folder`: also tells files of one part in diffusers' layout.
std::string OtherModel(const WeightMap& weights);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_OTHER_MODEL_H_
