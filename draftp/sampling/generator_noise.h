// Normal noise from CPU generators, the piece that the noise sources share.
#ifndef DRAFTP_SAMPLING_GENERATOR_NOISE_H_
#define DRAFTP_SAMPLING_GENERATOR_NOISE_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <span>

namespace draftp::internal {

// A CPU generator as torch.Generator().manual_seed(seed) makes it.
at::Generator CpuGenerator(uint64_t seed);

// [B,C,h,w] of `sizes`; image b is torch.randn([1,C,h,w], generator=generators[b]), always drawn in
// f32 on the CPU and then converted, so that no dtype or device changes it. One generator may stand
// for all images. The copy to another device starts from pinned memory and is not waited for.
at::Tensor NormalPerImage(at::IntArrayRef sizes, std::span<at::Generator> generators,
                          at::ScalarType dtype, at::Device device);

}  // namespace draftp::internal

#endif  // DRAFTP_SAMPLING_GENERATOR_NOISE_H_
