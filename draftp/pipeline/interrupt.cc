#include "draftp/pipeline/interrupt.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <utility>

namespace draftp {
namespace {

std::atomic<int> lost_pipe_end{-1};  // where OnBusError writes

sigset_t WatchedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// Runs in the thread that touched the page, perhaps inside malloc: it tells the watcher and waits
// for the end. Nothing but async-signal-safe calls.
void OnBusError(int, siginfo_t* info, void*) {
  const void* const address = info->si_addr;
  if (write(lost_pipe_end, &address, sizeof address) != sizeof address) _exit(1);
  alarm(10);  // should the watcher itself be stuck
  for (;;) pause();
}

void SetBusErrorHandler(void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  if (handler != nullptr) {
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
  } else {
    action.sa_handler = SIG_DFL;
  }
  TORCH_CHECK(sigaction(SIGBUS, &action, nullptr) == 0, "sigaction failed");
}

void Watch(int signal_file, int stop_event, int lost_pipe, const InterruptHandlers& handlers) {
  pollfd files[3] = {{signal_file, POLLIN, 0}, {stop_event, POLLIN, 0}, {lost_pipe, POLLIN, 0}};
  for (;;) {
    if (poll(files, 3, -1) < 0) continue;  // EINTR
    if (files[1].revents != 0) return;
    if (const void* address;
        files[2].revents != 0 && read(lost_pipe, &address, sizeof address) == sizeof address) {
      handlers.on_lost_file(FileMappedAt(address));
      _exit(1);
    }
    signalfd_siginfo info;
    if (files[0].revents == 0 || read(signal_file, &info, sizeof info) != sizeof info) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    handlers.on_signal(signal);
    _exit(128 + signal);
  }
}

}  // namespace

InterruptWatcher::InterruptWatcher(InterruptHandlers handlers)
    : stop_event_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t signals = WatchedSignals();
  TORCH_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0, "pthread_sigmask failed");
  signal_file_ = signalfd(-1, &signals, SFD_CLOEXEC);
  TORCH_CHECK(stop_event_ >= 0 && signal_file_ >= 0, "eventfd or signalfd failed");
  TORCH_CHECK(pipe2(lost_pipe_, O_CLOEXEC) == 0, "pipe2 failed");
  lost_pipe_end = lost_pipe_[1];
  thread_ = std::thread(Watch, signal_file_, stop_event_, lost_pipe_[0], std::move(handlers));
  SetBusErrorHandler(OnBusError);
}

InterruptWatcher::~InterruptWatcher() {
  SetBusErrorHandler(nullptr);
  const uint64_t one = 1;
  const bool told = write(stop_event_, &one, sizeof one) == sizeof one;
  if (told)
    thread_.join();
  else
    thread_.detach();
  for (const int file : {signal_file_, stop_event_, lost_pipe_[0], lost_pipe_[1]}) close(file);
  const sigset_t signals = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
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
