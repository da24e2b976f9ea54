#include "draftp/run/compute_device.h"

#include <ATen/Context.h>
#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {
namespace {

absl::StatusOr<at::ScalarType> ChooseDtype(const std::string& dtype, bool cuda) {
  if (dtype == "auto") return cuda ? at::kBFloat16 : at::kFloat;
  if (dtype == "float32") return at::kFloat;
  if (dtype == "bfloat16") return at::kBFloat16;
  return absl::InvalidArgumentError(
      absl::StrCat("--dtype: found \"", dtype, "\", expected auto, float32 or bfloat16"));
}

// float32 means float32: LibTorch's convolutions would otherwise round their factors to TF32's 11
// bits.
void SetDecoderProducts(DecoderProducts products, ComputeDevice& device) {
  at::globalContext().setAllowTF32CuDNN(products != DecoderProducts::kFloat32);
  device.decoder_products = products;
}

// The index in "cuda" or "cuda:i", -1 for another text.
int CudaIndex(const std::string& device) {
  if (device == "cuda") return 0;
  int index = -1;
  if (device.rfind("cuda:", 0) != 0 || device.size() > 8 ||
      !absl::SimpleAtoi(device.substr(5), &index))
    return -1;
  return device == absl::StrCat("cuda:", index) ? index : -1;
}

}  // namespace

std::string DtypeName(const ComputeDevice& device) {
  return device.network.dtype == at::kBFloat16 ? "bfloat16" : "float32";
}

absl::StatusOr<ComputeDevice> ChooseDevice(const std::string& device, const std::string& dtype) {
  const bool automatic = device == "auto";
  const int index = automatic ? 0 : CudaIndex(device);
  if (!automatic && device != "cpu" && index < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device: found \"", device, "\", expected auto, cpu, cuda or cuda:INDEX"));
  }
  ComputeDevice chosen{.network = {at::kCPU, at::kFloat}, .name = "cpu", .notice = ""};
  if (const int devices = CudaDeviceCount(); device != "cpu" && (devices > 0 || !automatic)) {
    if (index >= devices) {
      return absl::InvalidArgumentError(
          absl::StrCat("--device: found \"", device, "\", expected ",
                       devices == 0 ? "cpu, since this machine has no CUDA device"
                                    : absl::StrCat("cuda:0 to cuda:", devices - 1)));
    }
    const auto backend = OpenCudaBackend();
    if (backend.ok()) {
      (*backend)->SetDevice(index);
      chosen.network.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
      chosen.name = (*backend)->DeviceName(index);
    } else if (automatic) {
      chosen.notice = absl::StrCat(backend.status().message());
    } else {
      return absl::FailedPreconditionError(absl::StrCat("--device: ", backend.status().message()));
    }
  }
  const auto scalar = ChooseDtype(dtype, chosen.is_cuda());
  if (!scalar.ok()) return scalar.status();
  chosen.network.dtype = *scalar;
  if (chosen.is_cuda()) {
    SetDecoderProducts(*scalar == at::kFloat ? DecoderProducts::kFloat32 : DecoderProducts::kTf32,
                       chosen);
  }
  return chosen;
}

absl::Status ChooseDecoderProducts(const std::string& named, ComputeDevice& device) {
  if (!device.is_cuda()) return absl::OkStatus();
  const bool exact = device.network.dtype == at::kFloat;
  if (named == "float32" || (named == "auto" && exact)) {
    SetDecoderProducts(DecoderProducts::kFloat32, device);
    return absl::OkStatus();
  }
  if (exact) {
    return absl::InvalidArgumentError(absl::StrCat("--decoder: found \"", named,
                                                   "\", expected auto or float32, since the "
                                                   "networks are in float32 (--dtype)"));
  }
  SetDecoderProducts(named == "tf32" ? DecoderProducts::kTf32 : DecoderProducts::kFloat16, device);
  return absl::OkStatus();
}

std::string OnlyOfAGpu(const std::string& flag) {
  return flag + " has no effect: it is a GPU's, and this run is on a CPU";
}

absl::Status PlaceReward(const std::string& reward_device, ComputeDevice& device) {
  if (reward_device.empty()) return absl::OkStatus();
  const int index = CudaIndex(reward_device), devices = device.is_cuda() ? CudaDeviceCount() : 0;
  if (reward_device == "cpu") {
    device.reward_device = at::kCPU;
  } else if (index >= 0 && index < devices && reward_device != "cuda") {
    device.reward_device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("--reward_device: found \"", reward_device, "\", expected ",
                     devices == 0 ? "cpu, since the network is on the CPU"
                                  : absl::StrCat("cpu or cuda:0 to cuda:", devices - 1)));
  }
  return absl::OkStatus();
}

}  // namespace draftp
