// Chooses the kernels for the processor at hand.
#ifndef DRAFTP_KERNELS_CPU_SUPPORTED_KERNELS_H_
#define DRAFTP_KERNELS_CPU_SUPPORTED_KERNELS_H_

#include <vector>

#include "draftp/kernels/cpu/kernel_table.h"

namespace draftp::cpu {

// All that this processor runs, best last; never empty.
std::vector<const KernelTable*> SupportedKernels();

// The best of them, or the one that the environment's DRAFTP_CPU_KERNELS names; chosen at the first
// call. A name that this processor doesn't run is a c10::Error.
const KernelTable& ChosenKernels();

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_SUPPORTED_KERNELS_H_
