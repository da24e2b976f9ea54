#include "draftp/run/version_text.h"

#include <absl/strings/str_cat.h>
#include <torch/headeronly/version.h>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/version.h"

namespace draftp {

std::string VersionText(const std::string& program) {
  return absl::StrCat(program, " of draftp ", kVersion, ", LibTorch ", TORCH_VERSION, ", ",
                      HasCudaPart() ? "with" : "without", " the CUDA part\n");
}

}  // namespace draftp
