// What of a model stays on the host, for GPUs with little memory.
#ifndef DRAFTP_SDXL_OFFLOAD_MODEL_H_
#define DRAFTP_SDXL_OFFLOAD_MODEL_H_

#include <string>

#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

// How much of the device's memory a run takes for its speed.
enum class MemoryMode {
  kFast,      // all weights stay on the device
  kBalanced,  // the text encoders come when they encode
  kSmall,     // the UNets' blocks come one by one, too, in every evaluation
};

inline constexpr const char* kMemoryModes[] = {"fast", "balanced", "small"};
inline std::string NameOf(MemoryMode mode) { return kMemoryModes[static_cast<int>(mode)]; }

// Moves what the mode keeps on the host there. Of kSmall the weights must be neither packed nor
// stacked. On a CPU nothing is gained.
void Offload(MemoryMode mode, SdxlModel& model);

}  // namespace draftp

#endif  // DRAFTP_SDXL_OFFLOAD_MODEL_H_
