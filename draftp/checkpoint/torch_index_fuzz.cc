// Any bytes as a file of torch.save: an error of one line, or tensors inside the file.
#include <span>

#include "draftp/checkpoint/torch_index.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const auto index =
      draftp::ParseTorchIndex("f.pt", std::as_bytes(std::span<const uint8_t>(data, size)));
  if (!index.ok()) {
    draftp::testing::FuzzRequireMessage(index.status().message(), "f.pt: ");
    return 0;
  }
  for (const auto& [name, entry] : index->tensors) {
    const draftp::ZipEntry& stored = entry.data;
    FuzzRequire(stored.begin <= size && stored.stored <= size - stored.begin, "data in the file");
    FuzzRequire(stored.deflated || stored.stored == stored.size, "stored data have one size");
    FuzzRequire(stored.size == entry.tensor.storage.size, "storages have their size");
    const uint64_t width = c10::elementSize(entry.tensor.dtype);
    uint64_t last = 0;
    bool empty = false;
    FuzzRequire(entry.tensor.shape.size() == entry.tensor.strides.size(), "a stride a dimension");
    for (size_t i = 0; i < entry.tensor.shape.size(); ++i) {
      empty |= entry.tensor.shape[i] == 0;
      if (!empty)
        last += static_cast<uint64_t>(entry.tensor.shape[i] - 1) *
                static_cast<uint64_t>(entry.tensor.strides[i]);
    }
    FuzzRequire(empty || (entry.tensor.offset + last + 1) * width <= stored.size,
                "tensors lie in their storage");
    FuzzRequire(empty || entry.tensor.extent == last + 1, "the extent is that of the strides");
  }
  return 0;
}
