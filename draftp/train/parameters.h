// The tensors that training changes, by name.
#ifndef DRAFTP_TRAIN_PARAMETERS_H_
#define DRAFTP_TRAIN_PARAMETERS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include "draftp/adapter/lora_file.h"
#include "draftp/model/unet.h"
#include "draftp/shard/parameter.h"

namespace draftp {

// The factors of adapter `slot`, PATH.lora_A.weight and PATH.lora_B.weight, sorted by name; from
// then on they need gradients.
Parameters TrainLora(UNet& unet, int slot);

// The adapter that the UNet's slot holds, sharing its tensors.
LoraAdapter AdapterOf(const UNet& unet, int slot);

// Every weight of the UNet, as a copy of its own that needs gradients; names are those of a
// checkpoint. `value` is float32 (float64 for a float64 network).
Parameters TrainAll(UNet& unet);

// What each piece of the UNet reads (model/unet.h), by the indices of `parameters` whose leaves are
// its weights, all of them.
std::vector<std::vector<size_t>> TrainedPieces(const UNet& unet, const Parameters& parameters);

// The same UNet with the parameters' values in place of its weights, for writing: float32 although
// the network computes in bfloat16.
UNet WithValues(const UNet& unet, const Parameters& parameters);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_PARAMETERS_H_
