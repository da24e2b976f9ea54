// Any keys, shapes and metadata as a LoRA file: an error of one line, or layers whose parts fit.
// The inputs are those of fuzz_adapter_file.h.
#include <cmath>
#include <string>
#include <string_view>

#include "draftp/adapter/fuzz_adapter_file.h"
#include "draftp/adapter/lora_file.h"
#include "draftp/testing/fuzz.h"

namespace draftp {
namespace {

void Try(std::string_view text) {
  const std::string& path = testing::AdapterFileOf(text);
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
