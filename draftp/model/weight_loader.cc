#include "draftp/model/weight_loader.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/printable.h"

namespace draftp {

void WeightLoader::Take(const std::string& name, at::Tensor& tensor) {
  if (!tensor.defined() || !status_.ok()) return;
  absl::StatusOr<at::Tensor> taken = weights_.Take(name, tensor.sizes().vec());
  if (!taken.ok()) {
    status_ = taken.status();
    return;
  }
  // Contiguous where the file has it transposed.
  tensor = Place(*taken, placement_).contiguous();
}

void WeightLoader::operator()(const std::string& name, LinearWeights& layer) {
  if (layer.pointwise_convolution) layer.weight = layer.weight.unsqueeze(-1).unsqueeze(-1);
  Take(name + ".weight", layer.weight);
  if (layer.pointwise_convolution) layer.weight = layer.weight.flatten(1);
  Take(name + ".bias", layer.bias);
}

void WeightLoader::operator()(const std::string& name, ConvWeights& layer) {
  Take(name + ".weight", layer.weight);
  if (status_.ok()) layer.weight = layer.weight.contiguous(at::MemoryFormat::ChannelsLast);
  Take(name + ".bias", layer.bias);
}

void WeightLoader::operator()(const std::string& name, NormWeights& layer) {
  Take(name + ".weight", layer.weight);
  Take(name + ".bias", layer.bias);
}

absl::Status WeightLoader::Finish(const std::function<bool(const std::string&)>& ignored) const {
  if (!status_.ok()) return status_;
  std::vector<std::string> unused = weights_.Unused();
  if (ignored) std::erase_if(unused, ignored);
  if (unused.empty()) return absl::OkStatus();
  constexpr size_t kNamed = 3;
  const size_t more = unused.size() > kNamed ? unused.size() - kNamed : 0;
  unused.resize(unused.size() - more);
  for (std::string& name : unused) name = Printable(weights_.NameInFile(name));
  const std::string source = weights_.sources().empty() ? "memory" : weights_.sources().front();
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(source, 4096), ": the model has no place for tensor ", absl::StrJoin(unused, ", "),
      more > 0 ? absl::StrCat(" and ", more, " more") : "",
      ": is it of the model that config.json describes?"));
}

}  // namespace draftp
