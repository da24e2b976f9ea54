// The kernels for processors with AVX-512: 32 registers of 16 lanes.
#include "draftp/kernels/cpu/kernels.h"

namespace draftp::cpu {

const KernelTable& Avx512Kernels() {
  static constexpr KernelTable kTable = Kernels<16, 14>::Table("avx512");
  return kTable;
}

}  // namespace draftp::cpu
