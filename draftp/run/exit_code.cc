#include "draftp/run/exit_code.h"

#include <c10/util/Exception.h>

#include <cerrno>
#include <iostream>
#include <new>
#include <system_error>

#include "draftp/io/printable.h"
#include "draftp/run/system_limits.h"

namespace draftp {
namespace {

constexpr size_t kLongestMessage = 2000;

absl::Status FromException(const std::string& what) {
  if (const int64_t bytes = BytesNotGiven(what); bytes > 0)
    return absl::ResourceExhaustedError(OutOfMemoryMessage(bytes));
  if (MemoryLimitIsNear()) return absl::ResourceExhaustedError(OutOfMemoryMessage(0));
  return absl::InternalError(what.substr(0, what.find('\n')));
}

absl::Status FromSystem(const std::system_error& error) {
  if (MemoryLimitIsNear()) return absl::ResourceExhaustedError(OutOfMemoryMessage(0));
  if (error.code() == std::errc::resource_unavailable_try_again) {
    return absl::ResourceExhaustedError(
        "can't start a thread: a limit of processes (ulimit -u, or a container's) or of memory is "
        "reached");
  }
  const bool files = error.code() == std::errc::too_many_files_open;
  return absl::ResourceExhaustedError(std::string(error.what()) + (files ? " (ulimit -n)" : ""));
}

absl::Status FlushOutput() {
  if (std::cout) errno = 0;  // else it is the failed write's
  std::cout.flush();
  if (std::cout) return absl::OkStatus();
  std::cout.clear();  // told once
  if (errno == EPIPE) return absl::OkStatus();
  return absl::UnavailableError(std::string("standard output: can't write") +
                                (errno != 0 ? ": " + std::generic_category().message(errno) : ""));
}

}  // namespace

int Report(const std::string& program, const absl::Status& status) {
  if (status.ok()) return 0;
  const std::string message(status.message());
  if (!message.empty())
    std::cerr << program << ": " << Printable(message, kLongestMessage) << std::endl;
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

absl::Status AsFailure(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument ? absl::DataLossError(status.message())
                                                             : status;
}

// CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of ...
absl::Status OutOfGpuMemory(const c10::OutOfMemoryError& error, const std::string& advice) {
  constexpr char kWords[] = "Tried to allocate ";
  const std::string what = error.what_without_backtrace();
  const size_t at = what.find(kWords);
  const size_t begin = at == std::string::npos ? 0 : at + sizeof kWords - 1;
  return absl::ResourceExhaustedError("out of memory on the GPU: needed " +
                                      what.substr(begin, what.find(". ", begin) - begin) +
                                      (advice.empty() ? "" : " more; " + advice));
}

int RunReporting(const std::string& program, const std::function<absl::Status()>& body) {
  try {
    absl::Status status = body();
    status.Update(FlushOutput());
    return Report(program, status);
  } catch (const c10::OutOfMemoryError& error) {
    return Report(program, OutOfGpuMemory(error));
  } catch (const c10::Error& error) {
    return Report(program, FromException(error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return Report(program, absl::ResourceExhaustedError(OutOfMemoryMessage(0)));
  } catch (const std::system_error& error) {
    return Report(program, FromSystem(error));
  } catch (const std::exception& error) {
    return Report(program, FromException(error.what()));
  }
}

}  // namespace draftp
