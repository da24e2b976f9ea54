#include "draftp/run/run_program.h"

#include <unistd.h>

#include <utility>

#include "draftp/run/exit_code.h"
#include "draftp/run/interrupt.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/system_limits.h"

namespace draftp {

int RunProgram(const std::string& name, std::function<bool(int signal)> on_signal,
               const std::function<absl::Status()>& body) {
  int code = 1;
  const int failed = RunReporting(name, [&]() -> absl::Status {
    if (absl::Status threads = CheckThreads(ThreadsOfARun()); !threads.ok()) return threads;
    const InterruptWatcher watcher({.on_signal = std::move(on_signal),
                                    .on_lost_file =
                                        [&name](const std::string& file) {
                                          Report(name, absl::DataLossError(LostFileMessage(file)));
                                        },
                                    .tidy = RemoveUnfinished});
    code = watcher.ExitCode(RunReporting(name, body));
    return absl::OkStatus();
  });
  return failed != 0 ? failed : code;
}

void SayLine(const std::string& line) {
  const std::string whole = line + "\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, whole.data(), whole.size());
}

}  // namespace draftp
