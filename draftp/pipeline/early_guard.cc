// Ends that no main can catch, in one line and code 1: what is thrown before main or on a library's
// thread, and memory that a library didn't get and yet uses. Linked into programs alone.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <new>
#include <string>

#include "draftp/io/printable.h"
#include "draftp/pipeline/output_folder.h"
#include "draftp/pipeline/system_limits.h"

namespace draftp {
namespace {

void Say(const char* text, size_t size) {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, size);
}

void SayAsProgram(const std::string& what) {
  const std::string line = std::string(program_invocation_short_name) + ": " + what + "\n";
  Say(line.data(), line.size());
}

std::string WhatWasThrown() {
  const std::exception_ptr thrown = std::current_exception();
  if (thrown == nullptr) return "ended by std::terminate";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return OutOfMemoryMessage(0);
  } catch (const std::exception& error) {
    if (MemoryLimitIsNear()) return OutOfMemoryMessage(0);
    const std::string what = error.what();
    return Printable(what.substr(0, what.find('\n')), 1000);
  } catch (...) {
    return "ended by an exception of unknown kind";
  }
}

[[noreturn]] void OnTerminate() {
  SayAsProgram(WhatWasThrown());
  RemoveUnfinished();
  _exit(1);
}

// Nothing but async-signal-safe calls. A mistake of the program's own still ends by the signal.
void OnSegmentationFault(int number) {
  if (!MemoryLimitIsNear()) {
    signal(number, SIG_DFL);  // the instruction runs again
    return;
  }
  constexpr char kText[] = ": out of memory: less than a GiB is left by ulimit -v or -d\n";
  const char* const name = program_invocation_short_name;
  size_t length = 0;
  while (name[length] != '\0') ++length;
  Say(name, length);
  Say(kText, sizeof kText - 1);
  _exit(1);
}

// Before the constructors of the libraries.
void Install(int, char**, char**) {
  std::set_terminate(OnTerminate);
  if (!HasMemoryLimit()) return;
  struct sigaction action = {};
  action.sa_handler = OnSegmentationFault;
  sigaction(SIGSEGV, &action, nullptr);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const install)(int, char**, char**) = Install;

}  // namespace
}  // namespace draftp
