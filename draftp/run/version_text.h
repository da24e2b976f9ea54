// What the programs say of their version.
#ifndef DRAFTP_RUN_VERSION_TEXT_H_
#define DRAFTP_RUN_VERSION_TEXT_H_

#include <string>

namespace draftp {

// What --version prints: `anneal of draftp 0.2.0, LibTorch 2.11.0, without the CUDA part`.
std::string VersionText(const std::string& program);

}  // namespace draftp

#endif  // DRAFTP_RUN_VERSION_TEXT_H_
