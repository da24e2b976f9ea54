// UNets, conditionings and goldens that the tests of this room share.
#ifndef DRAFTP_MODEL_UNET_FIXTURE_H_
#define DRAFTP_MODEL_UNET_FIXTURE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/round.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/unet.h"
#include "draftp/model/unet_prepare.h"
#include "draftp/testing/hash_tensor.h"

namespace draftp::testing {

inline constexpr char kTinyUNet[] = "testdata/tiny_sdxl/unet";

// The value, or a failure that says why not.
template <class T>
T Value(absl::StatusOr<T> result) {
  TORCH_CHECK(result.ok(), result.status().ToString());
  return *std::move(result);
}

inline Placement OnCpu(at::ScalarType dtype) { return {.device = at::kCPU, .dtype = dtype}; }

// A tensor of testdata/goldens/FILE.safetensors, float64.
inline at::Tensor Golden(const std::string& file, const std::string& name) {
  return Value(
      Value(SafetensorsFile::Open("testdata/goldens/" + file + ".safetensors"))->Tensor(name));
}

// Weights of unit-scale outputs, as formula_weight in testdata/generate/unet.py.
class FormulaWeights {
 public:
  explicit FormulaWeights(const Placement& placement) : placement_(placement) {}

  void operator()(const std::string& name, LinearWeights& layer) const {
    Fill(name, layer.weight, layer.bias);
  }
  void operator()(const std::string& name, ConvWeights& layer) const {
    Fill(name, layer.weight, layer.bias);
  }
  void operator()(const std::string& name, NormWeights& layer) const {
    layer.weight =
        Place(1 + 0.2 * HashTensor(name + ".weight", layer.weight.sizes().vec()), placement_);
    layer.bias = Place(0.1 * HashTensor(name + ".bias", layer.bias.sizes().vec()), placement_);
  }

 private:
  void Fill(const std::string& name, at::Tensor& weight, at::Tensor& bias) const {
    const bool peaked = name.ends_with(".to_q") || name.ends_with(".to_k");
    const double fan_in = static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
    const at::Tensor values = HashTensor(name + ".weight", weight.sizes().vec());
    weight = Place((peaked ? 1.5 : 1.0) / std::sqrt(fan_in) * values, placement_);
    if (bias.defined())
      bias = Place(0.1 * HashTensor(name + ".bias", bias.sizes().vec()), placement_);
  }

  Placement placement_;
};

inline UNet TinyUNet(at::ScalarType dtype) { return Value(UNet::Load(kTinyUNet, OnCpu(dtype))); }

// One of testdata/configs/unet_NAME, with formula weights.
inline UNet SmallUNet(const std::string& name, at::ScalarType dtype) {
  UNet unet =
      UNet::Skeleton(Value(ReadUNetConfig("testdata/configs/unet_" + name + "/config.json")));
  VisitWeights(unet, FormulaWeights(OnCpu(dtype)));
  return unet;
}

// The generator's inputs for `rows` rows.
inline at::Tensor Sample(const UNet& unet, int64_t rows, int64_t height = 8, int64_t width = 8) {
  return HashTensor("sample", {rows, unet.config.in_channels, height, width});
}
inline at::Tensor Times(int64_t rows) {
  return at::tensor(std::vector<double>{951, 12, 400, 0}).narrow(0, 0, rows);
}
inline at::Tensor Context(const UNet& unet, int64_t rows) {
  return HashTensor("context", {rows, 7, unet.config.cross_attention_dim});
}
inline UNetConditioning Conditioning(const UNet& unet, int64_t rows) {
  UNetConditioning conditioning{.context = Context(unet, rows), .pooled = {}, .time_ids = {}};
  if (!unet.config.text_time()) return conditioning;
  const int64_t width = unet.config.addition_time_embed_dim, ids = width == 6 ? 5 : 6;
  conditioning.pooled =
      HashTensor("pooled", {rows, unet.config.projection_class_embeddings_input_dim - ids * width});
  conditioning.time_ids = at::round(100 * HashTensor("time_ids", {rows, ids}));
  return conditioning;
}

// The whole network on the generator's inputs.
inline at::Tensor Predict(const UNet& unet, int64_t rows, const AdapterRows& adapters = {},
                          KeysAndValues keys_and_values = KeysAndValues::kPrepared) {
  return UNetForward(unet, Sample(unet, rows), Times(rows),
                     Prepare(unet, Conditioning(unet, rows), adapters, keys_and_values), adapters);
}

}  // namespace draftp::testing

#endif  // DRAFTP_MODEL_UNET_FIXTURE_H_
