// Turns a loaded SDXL into one that draws as fast as its device can.
#ifndef DRAFTP_SDXL_PACK_MODEL_H_
#define DRAFTP_SDXL_PACK_MODEL_H_

#include "draftp/model/pack_weights.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

// For a model in float32 on a CPU, and for inference alone: merges its LoRA into a second UNet,
// which shares the layers that the LoRA leaves alone, and packs the weights of all networks
// (model/pack_weights.h). From then on the kernels' own threads do the work, and LibTorch's
// operators keep to the caller's thread: `at::set_num_threads(1)` for the process.
void PackForInference(SdxlModel& model);

// For a model in 16 bits on a GPU, with its adapters: stacks the projections of its UNets
// (model/stack_projections.h). Layers that a second UNet shares stay shared.
void StackForInference(SdxlModel& model);

// Packs both text encoders alone, which no run trains.
void PackTextEncoders(SdxlTextEncoders& encoders);

}  // namespace draftp

#endif  // DRAFTP_SDXL_PACK_MODEL_H_
