// Chooses where a run computes and in which dtype, from --device and --dtype.
#ifndef DRAFTP_RUN_COMPUTE_DEVICE_H_
#define DRAFTP_RUN_COMPUTE_DEVICE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "draftp/kernels/placement.h"

namespace draftp {

// What factors of the decoder's convolutions are rounded to; their sums are float32's. TF32 and
// float16 have mantissas of 11 bits, float16's take half the time.
enum class DecoderProducts { kFloat32, kTf32, kFloat16 };

struct ComputeDevice {
  Placement network;   // UNet and text encoders
  std::string name;    // "cpu" or the GPU's name
  std::string notice;  // why auto took the CPU though there is a GPU; empty otherwise
  std::optional<at::Device> reward_device = std::nullopt;  // of decoder and rewards; none: the same
  // kFloat16 is done by who loads the decoder: PackInHalf (model/half_decoder.h).
  DecoderProducts decoder_products = DecoderProducts::kFloat32;

  bool is_cuda() const { return network.device.is_cuda(); }
  // The decoder's and the rewards': float32 where the network is in less, since SDXL's decoder
  // overflows in float16 and a reward's differences are small.
  Placement decoder() const {
    return {reward_device.value_or(network.device),
            network.dtype == at::kDouble ? at::kDouble : at::kFloat};
  }
  // Whether decoder and rewards are elsewhere than the network.
  bool placed() const { return reward_device && *reward_device != network.device; }
};

// "float32" or "bfloat16", of the networks.
std::string DtypeName(const ComputeDevice& device);

// device: auto (a GPU if one can be used) | cpu | cuda | cuda:i; dtype: auto (bfloat16 on a GPU,
// float32 on a CPU) | float32 | bfloat16. Opens the CUDA part when a GPU is chosen. Error, named by
// its flag: another word, no such GPU, a GPU that can't be used though it was asked for.
absl::StatusOr<ComputeDevice> ChooseDevice(const std::string& device, const std::string& dtype);

// What --decoder names: auto (float16 beside bfloat16 networks on a GPU) | float16 | tf32 |
// float32. On a CPU it is float32, whatever is named. InvalidArgument: rounded products beside
// float32 networks.
absl::Status ChooseDecoderProducts(const std::string& named, ComputeDevice& device);

// That a GPU's setting was named in vain, for a run on a CPU.
std::string OnlyOfAGpu(const std::string& flag);

// Puts decoder and rewards elsewhere: cpu | cuda:i, empty: nowhere else. The network's device stays
// the current one. InvalidArgument names --reward_device.
absl::Status PlaceReward(const std::string& reward_device, ComputeDevice& device);

}  // namespace draftp

#endif  // DRAFTP_RUN_COMPUTE_DEVICE_H_
