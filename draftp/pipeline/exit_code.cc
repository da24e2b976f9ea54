#include "draftp/pipeline/exit_code.h"

#include <c10/util/Exception.h>

#include <iostream>
#include <new>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kLongestMessage = 2000;

absl::Status FromException(const std::string& what) {
  return absl::InternalError(what.substr(0, what.find('\n')));
}

}  // namespace

int Report(const std::string& program, const absl::Status& status) {
  if (status.ok()) return 0;
  const std::string message(status.message());
  std::cerr << program << ": " << Printable(message, kLongestMessage) << std::endl;
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

absl::Status AsFailure(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument ? absl::DataLossError(status.message())
                                                             : status;
}

int RunReporting(const std::string& program, const std::function<absl::Status()>& body) {
  try {
    return Report(program, body());
  } catch (const c10::Error& error) {
    return Report(program, FromException(error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return Report(program, absl::ResourceExhaustedError("out of memory"));
  } catch (const std::exception& error) {
    return Report(program, FromException(error.what()));
  }
}

}  // namespace draftp
