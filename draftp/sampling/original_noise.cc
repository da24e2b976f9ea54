// One generator a rank.
#include "draftp/sampling/original_noise.h"

#include <c10/util/Exception.h>

#include <span>

#include "draftp/sampling/generator_noise.h"

namespace draftp {

uint64_t OriginalNoiseSeed(uint64_t seed, int64_t rank) {
  TORCH_CHECK(rank >= 0, "rank ", rank, " is negative");
  constexpr uint64_t kModulus = 0xFFFFFFFFu;  // 2^32 - 1
  constexpr uint64_t kStride = 1247837;
  // Reduced before each operation, so that no seed of 64 bits overflows.
  return (seed % kModulus + kStride * (static_cast<uint64_t>(rank) % kModulus) % kModulus) %
         kModulus;
}

OriginalNoise::OriginalNoise(uint64_t seed, int64_t rank)
    : generator_(internal::CpuGenerator(OriginalNoiseSeed(seed, rank))) {}

at::Tensor OriginalNoise::Initial(at::IntArrayRef sizes) {
  return internal::NormalPerImage(sizes, std::span(&generator_, 1), at::kFloat, at::kCPU);
}

at::Tensor OriginalNoise::Like(const at::Tensor& x) {
  return internal::NormalPerImage(x.sizes(), std::span(&generator_, 1), x.scalar_type(),
                                  x.device());
}

}  // namespace draftp
