// Writes an SDXL in another layout, or an adapter in another grammar, and checks either.
#ifndef DRAFTP_CONVERT_CONVERT_H_
#define DRAFTP_CONVERT_CONVERT_H_

#include <absl/status/status.h>

#include <ostream>

#include "draftp/convert/convert_config.h"
#include "draftp/run/live_line.h"

namespace draftp {

// Carries out `config`, of which `format` isn't auto. Tensors go one by one from the mapping of the
// source to the file, so that memory stays at the largest of them. `out` gets a line a part, and
// what was asked to be told. What is written appears whole or not at all. `line`, where there is
// one, shows how far long work is.
absl::Status RunConvert(const ConvertConfig& config, std::ostream& out, LiveLine* line = nullptr);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_CONVERT_H_
