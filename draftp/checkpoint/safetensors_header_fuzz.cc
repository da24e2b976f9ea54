// Any bytes as a safetensors file: an error of one line, or tensors that fill the file's data.
#include <span>

#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const auto header = draftp::ParseSafetensorsHeader(
      "f.safetensors", std::as_bytes(std::span<const uint8_t>(data, size)));
  if (!header.ok()) {
    draftp::testing::FuzzRequireMessage(header.status().message(), "f.safetensors: ");
    return 0;
  }
  uint64_t covered = 0;
  for (const auto& [name, entry] : header->tensors) {
    FuzzRequire(entry.begin <= entry.end, "offsets ascend");
    FuzzRequire(header->data_begin + entry.end <= size, "tensors lie inside the file");
    uint64_t bytes = c10::elementSize(entry.dtype);
    for (const int64_t dimension : entry.shape) bytes *= static_cast<uint64_t>(dimension);
    FuzzRequire(bytes == entry.end - entry.begin, "shapes fit their bytes");
    covered += bytes;
  }
  FuzzRequire(header->data_begin + covered == size, "tensors fill the file");
  return 0;
}
