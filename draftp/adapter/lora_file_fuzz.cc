// Any keys, shapes and metadata as a LoRA file: an error of one line, or layers whose parts fit.
// The first line of the input is the file's lora_adapter_metadata, unless it is empty; each other
// is a key, and behind its last spaces the dimensions, digits each: "unet.a.lora_A.weight 4 6".
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/adapter/lora_file.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/utf8.h"
#include "draftp/testing/fuzz.h"

namespace draftp {
namespace {

constexpr size_t kMostTensors = 64;

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

SafetensorsHeader HeaderOf(std::string_view text) {
  SafetensorsHeader header;
  if (const std::string_view metadata = TakeLine(text); !metadata.empty() && IsUtf8(metadata))
    header.metadata["lora_adapter_metadata"] = metadata;
  while (!text.empty() && header.tensors.size() < kMostTensors) {
    std::string_view name = TakeLine(text);
    SafetensorsEntry entry{.dtype = at::kFloat, .shape = {}, .begin = 0, .end = 0};
    while (name.size() > 2 && name[name.size() - 2] == ' ' && name.back() >= '0' &&
           name.back() <= '9' && entry.shape.size() < 5) {
      entry.shape.insert(entry.shape.begin(), name.back() - '0');
      name.remove_suffix(2);
    }
    if (name.ends_with(" half")) {
      name.remove_suffix(5);
      entry.dtype = at::kHalf;
    }
    if (IsUtf8(name) && name != "__metadata__") header.tensors[std::string(name)] = entry;
  }
  return header;
}

void Try(std::string_view text) {
  static const int file = memfd_create("lora", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  SafetensorsHeader header = HeaderOf(text);
  std::vector<std::string> order;
  std::string bytes = LayOutSafetensorsHeader(header, order);
  uint64_t end = 0;
  for (const auto& [name, entry] : header.tensors) end = std::max(end, entry.end);
  bytes.resize(header.data_begin + end);
  testing::FuzzRequire(
      ftruncate(file, static_cast<off_t>(bytes.size())) == 0 &&
          pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
      "a file in memory can be written");
  const auto adapter = ReadLoraFile(path);
  if (!adapter.ok()) {
    testing::FuzzRequireMessage(adapter.status().message(), path);
    return;
  }
  for (const auto& [layer_path, layer] : adapter->layers) {
    testing::FuzzRequire(!layer_path.empty(), "layers have a path");
    testing::FuzzRequire(layer.rank() > 0 && layer.b.size(1) == layer.rank(), "ranks fit");
    testing::FuzzRequire(std::isfinite(layer.scale), "scales are finite");
  }
}

}  // namespace
}  // namespace draftp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  draftp::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
