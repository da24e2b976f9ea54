#include "draftp/kernels/cpu/supported_kernels.h"

#include <c10/util/Exception.h>

#include <cstdlib>
#include <string_view>

namespace draftp::cpu {
namespace {

const KernelTable& Choose() {
  const std::vector<const KernelTable*> supported = SupportedKernels();
  const char* name = std::getenv("DRAFTP_CPU_KERNELS");
  if (name == nullptr) return *supported.back();
  for (const KernelTable* kernels : supported) {
    if (std::string_view(kernels->name) == name) return *kernels;
  }
  TORCH_CHECK(false, "DRAFTP_CPU_KERNELS is ", name, ", this processor runs ",
              supported.front()->name, " to ", supported.back()->name);
}

}  // namespace

std::vector<const KernelTable*> SupportedKernels() {
  std::vector<const KernelTable*> supported = {&BaselineKernels()};
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) supported.push_back(&Avx2Kernels());
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    supported.push_back(&Avx512Kernels());
  }
  return supported;
}

const KernelTable& ChosenKernels() {
  static const KernelTable& chosen = Choose();
  return chosen;
}

}  // namespace draftp::cpu
