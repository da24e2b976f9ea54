// Any bytes as a pickle: an error of one line, or values that refer to each other.
#include <algorithm>
#include <span>

#include "draftp/checkpoint/pickle.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const auto pickle =
      draftp::ReadPickle(std::as_bytes(std::span<const uint8_t>(data, size)),
                         [](std::string_view global) { return global.starts_with("torch."); });
  if (!pickle.ok()) {
    draftp::testing::FuzzRequireMessage(pickle.status().message(), "of the pickle: ");
    return 0;
  }
  FuzzRequire(pickle->size <= size, "the pickle ends inside the bytes");
  FuzzRequire(pickle->top < pickle->values.size(), "the result is a value");
  for (const draftp::PickleValue& value : pickle->values) {
    FuzzRequire(
        std::ranges::all_of(value.items, [&](auto id) { return id < pickle->values.size(); }),
        "items are values");
    FuzzRequire(value.kind != draftp::PickleKind::kCall || value.items.size() == 2,
                "calls have a function and arguments");
    FuzzRequire(!draftp::DescribePickleValue(value).empty(), "values have words");
  }
  return 0;
}
