// What this room's tests do with the program: run it, and look at the models that it wrote.
#ifndef DRAFTP_CONVERT_TEST_CONVERT_H_
#define DRAFTP_CONVERT_TEST_CONVERT_H_

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "draftp/convert/convert.h"
#include "draftp/sdxl/model_source.h"

namespace draftp::testing {

inline constexpr char kTinyModel[] = "testdata/tiny_sdxl";

// By its command line; what it said goes to `said`.
inline absl::Status RunConvertWith(const std::vector<std::string>& arguments,
                                   std::string* said = nullptr) {
  const auto loaded = LoadConvertConfig(arguments, std::filesystem::current_path());
  if (!loaded.ok()) return loaded.status();
  std::ostringstream out;
  absl::Status status = RunConvert(loaded->config, out);
  if (said != nullptr) *said = out.str();
  return status;
}

using NamedTensors = std::map<std::string, at::Tensor>;

inline NamedTensors TensorsOf(WeightMap weights) {
  NamedTensors tensors;
  for (const std::string& name : weights.names())
    tensors[name] = *weights.Take(name, *weights.Shape(name));
  return tensors;
}

// All tensors of a model, under "unet/conv_in.weight" and so on by today's names.
inline NamedTensors TensorsOfModel(const std::string& path) {
  auto source = ModelSource::Open(path).value();
  NamedTensors all;
  for (const ModelPart part :
       {ModelPart::kUNet, ModelPart::kVae, ModelPart::kTextEncoder, ModelPart::kTextEncoder2}) {
    for (auto& [name, tensor] : TensorsOf(source.Take(part).value().weights))
      all[PartFolder(part) + "/" + name] = tensor;
  }
  return all;
}

}  // namespace draftp::testing

#endif  // DRAFTP_CONVERT_TEST_CONVERT_H_
