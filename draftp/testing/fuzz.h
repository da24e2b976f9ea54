// What fuzz targets share: how they end at a finding, and what every error message must be.
#ifndef DRAFTP_TESTING_FUZZ_H_
#define DRAFTP_TESTING_FUZZ_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// A target is one function, which takes any bytes and ends the program where they break a promise.
// libFuzzer calls it (`--config=fuzz`), or fuzz_main.cc.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace draftp::testing {

inline void FuzzRequire(bool condition, std::string_view promise) {
  if (condition) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

// One printable line of bounded length that names its source. `Text` is any string or view.
template <class Text>
void FuzzRequireMessage(const Text& text, std::string_view source) {
  const std::string_view message(text.data(), text.size());
  constexpr size_t kLongest = 5000;
  FuzzRequire(message.size() <= kLongest, message.substr(0, kLongest));
  FuzzRequire(message.find(source) != std::string_view::npos, message);
  FuzzRequire(std::none_of(message.begin(), message.end(),
                           [](unsigned char c) { return c < ' ' || c == 127; }),
              message);
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_FUZZ_H_
