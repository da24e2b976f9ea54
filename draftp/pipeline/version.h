// The version that programs and run.json report.
#ifndef DRAFTP_PIPELINE_VERSION_H_
#define DRAFTP_PIPELINE_VERSION_H_

namespace draftp {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_VERSION_H_
