// Ends that no main can catch, in one line and code 1: what is thrown before main or on a library's
// thread, and memory that a library didn't get and yet uses. Linked into programs alone.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "draftp/io/printable.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/system_limits.h"

namespace draftp {
namespace {

// "NAME: TEXT\n" without memory; `name` may be a path.
void SayRaw(const char* name, const char* text) {
  const char* const slash = std::strrchr(name, '/');
  for (const char* part : {slash == nullptr ? name : slash + 1, ": ", text, "\n"}) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, part, std::strlen(part));
  }
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
  try {
    SayRaw(program_invocation_short_name, WhatWasThrown().c_str());
    RemoveUnfinished();
  } catch (const std::exception&) {  // the words need memory too
    SayRaw(program_invocation_short_name, "out of memory");
  }
  _exit(1);
}

// Nothing but async-signal-safe calls. A mistake of the program's own still ends by the signal.
void OnSegmentationFault(int number) {
  if (!MemoryLimitIsNear()) {
    signal(number, SIG_DFL);  // the instruction runs again
    return;
  }
  SayRaw(program_invocation_short_name,
         "out of memory: less than a GiB is left by ulimit -v or -d");
  _exit(1);
}

// Before the constructors of the libraries, of which oneMKL's ends a process without a folder.
void Install(int count, char** arguments, char**) {
  char folder[PATH_MAX];
  if (getcwd(folder, sizeof folder) == nullptr && errno == ENOENT) {
    SayRaw(count > 0 ? arguments[0] : "draftp",
           "the working folder can't be found (No such file or directory), expected one that is "
           "there");
    _exit(1);
  }
  std::set_terminate(OnTerminate);
  signal(SIGXFSZ, SIG_IGN);  // the write that meets ulimit -f fails then, and names its file
  if (!HasMemoryLimit()) return;
  struct sigaction action = {};
  action.sa_handler = OnSegmentationFault;
  sigaction(SIGSEGV, &action, nullptr);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const install)(int, char**, char**) = Install;

}  // namespace
}  // namespace draftp
