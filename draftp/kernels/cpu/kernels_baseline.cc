// The kernels for any x86-64 processor: SSE2, 16 registers of 4 lanes.
#include "draftp/kernels/cpu/kernels.h"

namespace draftp::cpu {

const KernelTable& BaselineKernels() {
  static constexpr KernelTable kTable = Kernels<4, 6>::Table("baseline");
  return kTable;
}

}  // namespace draftp::cpu
