// What fuzz targets of adapters read: keys, shapes and metadata as a safetensors file in memory, of
// which all values are zero. The first line of an input is the file's lora_adapter_metadata, unless
// it is empty; each other is a key, and behind its last spaces the dimensions, digits each:
// "unet.a.lora_A.weight 4 6", "unet.a.lora_A.weight half 4 6".
#ifndef DRAFTP_ADAPTER_FUZZ_ADAPTER_FILE_H_
#define DRAFTP_ADAPTER_FUZZ_ADAPTER_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/utf8.h"
#include "draftp/testing/fuzz.h"

namespace draftp::testing {

inline std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

inline SafetensorsHeader AdapterHeaderOf(std::string_view text) {
  constexpr size_t kMostTensors = 64;
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

// The path of the file that `text` describes, until the next call.
inline const std::string& AdapterFileOf(std::string_view text) {
  static const int file = memfd_create("adapter", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  SafetensorsHeader header = AdapterHeaderOf(text);
  std::vector<std::string> order;
  std::string bytes = LayOutSafetensorsHeader(header, order);
  uint64_t end = 0;
  for (const auto& [name, entry] : header.tensors) end = std::max(end, entry.end);
  bytes.resize(header.data_begin + end);
  FuzzRequire(ftruncate(file, static_cast<off_t>(bytes.size())) == 0 &&
                  pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
              "a file in memory can be written");
  return path;
}

}  // namespace draftp::testing

#endif  // DRAFTP_ADAPTER_FUZZ_ADAPTER_FILE_H_
