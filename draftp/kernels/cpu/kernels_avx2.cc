// The kernels for processors with AVX2 and FMA: 16 registers of 8 lanes.
#include "draftp/kernels/cpu/kernels.h"

namespace draftp::cpu {

const KernelTable& Avx2Kernels() {
  static constexpr KernelTable kTable = Kernels<8, 6>::Table("avx2");
  return kTable;
}

}  // namespace draftp::cpu
