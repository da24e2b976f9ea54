#include "draftp/pipeline/interrupt.h"

#include <c10/util/Exception.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <utility>

namespace draftp {
namespace {

sigset_t WatchedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

void Watch(int signal_file, int stop_event, const std::function<void(int)>& on_signal) {
  pollfd files[2] = {{signal_file, POLLIN, 0}, {stop_event, POLLIN, 0}};
  for (;;) {
    if (poll(files, 2, -1) < 0) continue;  // EINTR
    if (files[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signal_file, &info, sizeof info) != sizeof info) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    on_signal(signal);
    _exit(128 + signal);
  }
}

}  // namespace

InterruptWatcher::InterruptWatcher(std::function<void(int)> on_signal)
    : stop_event_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t signals = WatchedSignals();
  TORCH_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0, "pthread_sigmask failed");
  signal_file_ = signalfd(-1, &signals, SFD_CLOEXEC);
  TORCH_CHECK(stop_event_ >= 0 && signal_file_ >= 0, "eventfd or signalfd failed");
  thread_ = std::thread(Watch, signal_file_, stop_event_, std::move(on_signal));
}

InterruptWatcher::~InterruptWatcher() {
  const uint64_t one = 1;
  const bool told = write(stop_event_, &one, sizeof one) == sizeof one;
  if (told)
    thread_.join();
  else
    thread_.detach();
  close(signal_file_);
  close(stop_event_);
  const sigset_t signals = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace draftp
