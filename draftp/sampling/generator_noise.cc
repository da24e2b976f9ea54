// Draws normal noise image by image.
#include "draftp/sampling/generator_noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <c10/core/TensorOptions.h>
#include <c10/util/Exception.h>

namespace draftp::internal {

at::Generator CpuGenerator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

at::Tensor NormalPerImage(at::IntArrayRef sizes, std::span<at::Generator> generators,
                          at::ScalarType dtype, at::Device device) {
  TORCH_CHECK(!sizes.empty(), "noise needs a batch dimension");
  const int64_t images = sizes[0];
  const int64_t count = static_cast<int64_t>(generators.size());
  TORCH_CHECK(count == 1 || count == images, "noise for ", images, " images from ", count,
              " generators");
  const at::Tensor noise =
      at::empty(sizes, at::TensorOptions().dtype(at::kFloat).pinned_memory(device.is_cuda()));
  for (int64_t b = 0; b < images; ++b)
    noise.narrow(0, b, 1).normal_(0, 1, generators[count == 1 ? 0 : b]);
  return noise.to(device, dtype, /*non_blocking=*/true);
}

}  // namespace draftp::internal
