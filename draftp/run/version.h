// The version that programs and run.json report.
#ifndef DRAFTP_RUN_VERSION_H_
#define DRAFTP_RUN_VERSION_H_

#include <string>

namespace draftp {

inline constexpr char kVersion[] = "0.1.0";

// What --version prints: `anneal of draftp 0.1.0, LibTorch 2.11.0, without the CUDA part`.
std::string VersionText(const std::string& program);

}  // namespace draftp

#endif  // DRAFTP_RUN_VERSION_H_
