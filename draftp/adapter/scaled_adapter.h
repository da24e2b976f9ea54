// An adapter by its path, with a factor.
#ifndef DRAFTP_ADAPTER_SCALED_ADAPTER_H_
#define DRAFTP_ADAPTER_SCALED_ADAPTER_H_

#include <string>

namespace draftp {

// An adapter's file or folder, of any kind (adapter_file.h), and the factor on all that it changes,
// on top of alpha/r.
struct ScaledAdapter {
  std::string path;
  double scale = 1.0;

  bool operator==(const ScaledAdapter&) const = default;
};

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_SCALED_ADAPTER_H_
