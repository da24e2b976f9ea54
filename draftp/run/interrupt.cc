#include "draftp/run/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace draftp {
namespace {

std::atomic<int> told_pipe_end{-1};  // where the handlers write
std::atomic<bool> pipe_broke{false};

// What a handler tells the watcher.
struct Told {
  int signal;
  const void* address;  // SIGBUS: that was touched
};

bool Ignored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// Those that a signalfd gets. One that is ignored must not be blocked: it would get there still.
sigset_t WatchedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU}) {
    if (!Ignored(signal)) sigaddset(&signals, signal);
  }
  return signals;
}

// Runs in the thread that touched the page, perhaps inside malloc: it tells the watcher and waits
// for the end. Nothing but async-signal-safe calls, here and below.
void OnBusError(int signal, siginfo_t* info, void*) {
  const Told told{signal, info->si_addr};
  if (write(told_pipe_end, &told, sizeof told) != sizeof told) _exit(1);
  alarm(10);  // should the watcher itself be stuck
  for (;;) pause();
}

// Runs in the thread that wrote; its write fails, and so do all later ones without a signal.
void OnBrokenPipe(int signal, siginfo_t*, void*) {
  const int error = errno;
  pipe_broke = true;
  std::signal(signal, SIG_IGN);
  const Told told{signal, nullptr};
  [[maybe_unused]] const auto written = write(told_pipe_end, &told, sizeof told);
  errno = error;
}

void SetHandler(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  if (handler != nullptr) {
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
  } else {
    action.sa_handler = SIG_DFL;
  }
  sigaction(signal, &action, nullptr);
}

int Need(int result, const char* what) {
  if (result >= 0) return result;
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

struct InterruptWatcher::Files {
  int signals, stop, told;
};

void InterruptWatcher::Watch(const Files& files, const InterruptHandlers& handlers) {
  pollfd polled[3] = {{files.signals, POLLIN, 0}, {files.stop, POLLIN, 0}, {files.told, POLLIN, 0}};
  for (;;) {
    if (poll(polled, 3, -1) < 0) continue;  // EINTR
    int signal = 0;
    if (Told told; polled[2].revents != 0 && read(files.told, &told, sizeof told) == sizeof told) {
      signal = told.signal;
      if (signal == SIGBUS) {
        handlers.tidy();
        handlers.on_lost_file(FileMappedAt(told.address));
        _exit(1);
      }
    } else if (polled[1].revents != 0) {
      return;
    } else if (signalfd_siginfo info;
               polled[0].revents != 0 && read(files.signals, &info, sizeof info) == sizeof info) {
      signal = static_cast<int>(info.ssi_signo);
    }
    if (signal == 0) continue;
    if (int none = 0; asked_.compare_exchange_strong(none, signal)) {
      if (handlers.on_signal(signal)) continue;
    } else if (signal != SIGINT && signal != SIGTERM) {
      continue;
    }
    handlers.tidy();
    _exit(128 + signal);
  }
}

InterruptWatcher::InterruptWatcher(InterruptHandlers handlers) {
  const sigset_t signals = WatchedSignals();
  stop_event_ = Need(eventfd(0, EFD_CLOEXEC), "can't watch for signals");
  signal_file_ = Need(signalfd(-1, &signals, SFD_CLOEXEC), "can't watch for signals");
  Need(pipe2(told_pipe_, O_CLOEXEC), "can't watch for signals");
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  told_pipe_end = told_pipe_[1];
  const Files files{signal_file_, stop_event_, told_pipe_[0]};
  thread_ = std::thread([this, files, handlers = std::move(handlers)] { Watch(files, handlers); });
  SetHandler(SIGBUS, OnBusError);
  if (!Ignored(SIGPIPE)) SetHandler(SIGPIPE, OnBrokenPipe);
}

InterruptWatcher::~InterruptWatcher() {
  SetHandler(SIGBUS, nullptr);
  const uint64_t one = 1;
  const bool told = write(stop_event_, &one, sizeof one) == sizeof one;
  if (told)
    thread_.join();
  else
    thread_.detach();
  for (const int file : {signal_file_, stop_event_, told_pipe_[0], told_pipe_[1]}) close(file);
  const sigset_t signals = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

int InterruptWatcher::ExitCode(int code) const {
  if (code != 0) return code;
  if (pipe_broke) return 128 + SIGPIPE;  // the thread may not have heard of it yet
  return asked_ != 0 ? 128 + asked_ : 0;
}

std::string LostFileMessage(const std::string& file) {
  return (file.empty() ? "a mapped file" : file) +
         ": found it cut or unreadable while it was in use, expected it to stay as it is "
         "(replace weights by renaming over them)";
}

std::string FileMappedAt(const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  // 7f0000000000-7f0000001000 rw-p 00000000 08:01 131074    /path of the file
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    uintptr_t begin = 0, end = 0;
    char dash = 0;
    fields >> std::hex >> begin >> dash >> end;
    if (wanted < begin || wanted >= end) continue;
    const size_t path = line.find('/');
    return path == std::string::npos ? "" : line.substr(path);
  }
  return "";
}

}  // namespace draftp
