#include "draftp/adapter/adapter_source.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr char kDiffusers[] = "pytorch_lora_weights";
constexpr char kPeft[] = "adapter_model";
constexpr char kPeftConfig[] = "adapter_config.json";

// Sorted: the safetensors files of a folder, or else those of torch.save.
std::vector<std::string> WeightFilesIn(const std::string& folder) {
  std::vector<std::string> names, pickled;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (it->path().extension() == ".safetensors") names.push_back(name);
    if (HasTorchExtension(name)) pickled.push_back(name);
  }
  if (names.empty()) names = std::move(pickled);
  std::ranges::sort(names);
  return names;
}

absl::StatusOr<WeightFiles> InFolder(const std::string& folder) {
  auto found = FindWeightFiles(folder, kDiffusers);
  if (found.ok()) return found;
  if (auto peft = FindWeightFiles(folder, kPeft); peft.ok()) return peft;
  const std::vector<std::string> names = WeightFilesIn(folder);
  if (names.empty()) return found;
  if (names.size() == 1) return FindWeightFiles(absl::StrCat(folder, "/", names[0]), kDiffusers);
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(folder, 4096), ": found ", Printable(absl::StrJoin(names, ", "), 400),
                   ", expected one LoRA in a folder, or the path of one of these files"));
}

}  // namespace

absl::StatusOr<AdapterSource> FindAdapter(const std::string& path) {
  std::error_code error;
  const bool folder = fs::is_directory(path, error);
  auto weights = folder ? InFolder(path) : FindWeightFiles(path, kDiffusers);
  if (!weights.ok()) return weights.status();
  AdapterSource source{.weights = *std::move(weights)};
  const fs::path first(source.weights.files.empty() ? path : source.weights.files.front());
  const fs::path config = first.parent_path() / kPeftConfig;
  if (first.filename().string().starts_with(kPeft) && fs::is_regular_file(config, error))
    source.config = config.string();
  return source;
}

}  // namespace draftp
