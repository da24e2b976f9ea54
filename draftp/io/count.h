// Numbers of things in sentences.
#ifndef DRAFTP_IO_COUNT_H_
#define DRAFTP_IO_COUNT_H_

#include <cstdint>
#include <string>

namespace draftp {

// Count(1, "picture") == "1 picture", Count(2, "picture") == "2 pictures".
inline std::string Count(int64_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

}  // namespace draftp

#endif  // DRAFTP_IO_COUNT_H_
