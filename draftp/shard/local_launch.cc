// Starts processes, copies their lines, hands signals on and ends them together: one thread, one
// loop over poll.
#include "draftp/shard/local_launch.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "draftp/io/printable.h"
#include "draftp/shard/child_process.h"
#include "draftp/shard/launch_pipes.h"

namespace draftp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kHandedOn[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU, SIGPIPE};

Clock::time_point After(double seconds) {
  const std::chrono::duration<double> wait(std::clamp(seconds, 0.0, 1e6));
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
}

// While it lives, the signals that are handed on and SIGCHLD come by descriptor() alone.
class BlockedSignals {
 public:
  BlockedSignals() {
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;  // ignored, it would have ended processes reaped by the system
    sigaction(SIGCHLD, &standard, &child_action_);
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGCHLD);
    for (const int signal : kHandedOn) {
      struct sigaction action = {};
      sigaction(signal, nullptr, &action);
      if (action.sa_handler != SIG_IGN) sigaddset(&signals_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals_, &mask_);
    descriptor_ = Descriptor(signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~BlockedSignals() {
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    sigaction(SIGCHLD, &child_action_, nullptr);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  // The next one that has come, 0 for none.
  int Next() const {
    signalfd_siginfo info;
    if (read(descriptor(), &info, sizeof info) != sizeof info) return 0;
    return static_cast<int>(info.ssi_signo);
  }
  int descriptor() const { return descriptor_.get(); }

 private:
  sigset_t signals_, mask_;
  struct sigaction child_action_ = {};
  Descriptor descriptor_;
};

class LocalLaunch {
 public:
  explicit LocalLaunch(const LocalLaunchOptions& options)
      : options_(options),
        program_(options.program.empty() ? "/proc/self/exe" : options.program),
        name_(Printable(options.arguments[0].substr(options.arguments[0].rfind('/') + 1))) {}
  ~LocalLaunch() {
    SignalAll(SIGKILL);
    for (Child& child : children_) {
      while (child.process > 0 && waitpid(child.process, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  LocalLaunch(const LocalLaunch&) = delete;
  LocalLaunch& operator=(const LocalLaunch&) = delete;

  absl::Status StartAll();
  int WaitForAll();

 private:
  struct Child {
    pid_t process = -1;  // -1 once it has ended
    Inlet output, error;
  };

  absl::Status Start(int rank, const ListeningSocket& store, int input);
  absl::Status Run(int rank, ChildPlan plan, Child& child);
  void Wait();
  void TakeSignals();
  void Reap();
  void Ended(size_t rank, pid_t process, int status);
  void EndOthers();

  // To each one's group, so that what it started gets it too. A process that hasn't been waited for
  // keeps its number.
  void SignalAll(int signal) {
    for (const Child& child : children_) {
      if (child.process > 0) kill(-child.process, signal);
    }
  }
  int Running() const {
    return static_cast<int>(std::count_if(children_.begin(), children_.end(),
                                          [](const Child& child) { return child.process > 0; }));
  }
  void Say(size_t rank, pid_t process, const std::string& what) {
    error_.Add(absl::StrCat(name_, ": rank ", rank, " (process ", process, ") ", what, "\n"));
  }

  const LocalLaunchOptions& options_;
  const std::string program_;
  const std::string name_;
  const BlockedSignals signals_;
  Outlet output_{STDOUT_FILENO}, error_{STDERR_FILENO};
  std::deque<Child> children_;  // by rank
  std::set<int> handed_on_;
  int failed_code_ = 0;                           // of the first that failed
  int asked_code_ = 0;                            // of the first that ended as it was asked to
  std::optional<Clock::time_point> next_ending_;  // of the others, after a failure
  int next_ending_signal_ = SIGTERM;
};

absl::Status LocalLaunch::StartAll() {
  if (signals_.descriptor() < 0) return Exhausted("can't wait for signals", errno);
  absl::StatusOr<ListeningSocket> store = ListenAtLoopback();
  if (!store.ok()) return store.status();
  const Descriptor input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.ok()) return Exhausted("can't open /dev/null", errno);
  for (int rank = 0; rank < options_.processes; ++rank) {
    if (absl::Status status = Start(rank, *store, input.get()); !status.ok()) return status;
  }
  return absl::OkStatus();  // rank 0 alone holds the socket: after its end who connects is refused
}

absl::Status LocalLaunch::Start(int rank, const ListeningSocket& store, int input) {
  const std::vector<std::string> environment = ChildEnvironment(rank, options_.processes, store);
  const std::vector<char*> arguments = Pointers(options_.arguments);
  const std::vector<char*> variables = Pointers(environment);
  ChildPlan plan{.program = program_.c_str(),
                 .arguments = arguments.data(),
                 .environment = variables.data(),
                 .parent = getpid(),
                 .input = input,
                 .output = STDOUT_FILENO,
                 .error = STDERR_FILENO,
                 .store = rank == 0 ? store.descriptor.get() : -1,
                 .failure = -1};
  Child& child = children_.emplace_back();
  if (options_.live && rank == 0) return Run(rank, plan, child);
  Pipe output = NewPipe(), error = NewPipe();
  if (!output.ok() || !error.ok()) return Exhausted("can't make pipes for the processes", errno);
  plan.output = output.write.get();
  plan.error = error.write.get();
  const std::string prefix = absl::StrCat("[", rank, "] ");
  child.output = Inlet(std::move(output.read), prefix, &output_);
  child.error = Inlet(std::move(error.read), prefix, &error_);
  return Run(rank, plan, child);
}

absl::Status LocalLaunch::Run(int rank, ChildPlan plan, Child& child) {
  Pipe failure = NewPipe();
  if (!failure.ok()) return Exhausted("can't make pipes for the processes", errno);
  plan.failure = failure.write.get();
  const pid_t process = fork();
  if (process == 0) BecomeChild(plan);
  if (process < 0) {
    return Exhausted(absl::StrCat("can't start process ", rank + 1, " of ", options_.processes),
                     errno);
  }
  child.process = process;
  failure.write.Close();
  int error = 0;
  ssize_t size;
  do size = read(failure.read.get(), &error, sizeof error);
  while (size < 0 && errno == EINTR);
  if (size <= 0) return absl::OkStatus();  // exec closed it
  return absl::ErrnoToStatus(error, absl::StrCat(Printable(program_, 1000), ": can't run it"));
}

int LocalLaunch::WaitForAll() {
  Reap();
  while (Running() > 0 || !output_.empty() || !error_.empty()) {
    Wait();
    TakeSignals();
    Reap();
    if (next_ending_.has_value() && Clock::now() >= *next_ending_) EndOthers();
    output_.Write();
    error_.Write();
  }
  TakeSignals();
  if (failed_code_ != 0) return failed_code_;
  return asked_code_ == 0 && handed_on_.contains(SIGPIPE) ? 128 + SIGPIPE : asked_code_;
}

// For something to do, and reads what processes have written.
void LocalLaunch::Wait() {
  std::vector<pollfd> polled = {{signals_.descriptor(), POLLIN, 0}};
  for (const Outlet* outlet : {&output_, &error_}) {
    polled.push_back({outlet->empty() ? -1 : outlet->stream(), POLLOUT, 0});
  }
  std::vector<Inlet*> inlets;
  for (Child& child : children_) {
    for (Inlet* inlet : {&child.output, &child.error}) {
      if (inlet->descriptor() < 0) continue;
      inlets.push_back(inlet);
      polled.push_back({inlet->descriptor(), POLLIN, 0});
    }
  }
  int milliseconds = -1;
  if (next_ending_.has_value()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next_ending_ - Clock::now());
    milliseconds = static_cast<int>(std::max<int64_t>(left.count(), 0));
  }
  if (poll(polled.data(), polled.size(), milliseconds) <= 0) return;
  for (size_t i = 0; i < inlets.size(); ++i) {
    if (polled[polled.size() - inlets.size() + i].revents != 0) inlets[i]->Read();
  }
}

void LocalLaunch::TakeSignals() {
  while (const int signal = signals_.Next()) {
    if (signal == SIGCHLD) continue;
    handed_on_.insert(signal);
    SignalAll(signal);
    if (Running() > 0) continue;
    output_.Drop();  // somebody doesn't want to wait for its reader
    error_.Drop();
  }
}

void LocalLaunch::Reap() {
  for (size_t rank = 0; rank < children_.size(); ++rank) {
    Child& child = children_[rank];
    int status = 0;
    if (child.process <= 0 || waitpid(child.process, &status, WNOHANG) != child.process) continue;
    child.output.ReadRest();
    child.error.ReadRest();
    Ended(rank, std::exchange(child.process, -1), status);
  }
  if (Running() == 0) next_ending_.reset();
}

void LocalLaunch::Ended(size_t rank, pid_t process, int status) {
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const int code = signal != 0 ? 128 + signal : WEXITSTATUS(status);
  if (code == 0 || failed_code_ != 0) return;
  if (handed_on_.contains(code - 128)) {
    if (asked_code_ == 0) asked_code_ = code;
    return;
  }
  failed_code_ = code;
  const bool others = Running() > 0;
  if (others) next_ending_ = After(options_.patience_seconds);
  if (signal == 0) return;
  Say(rank, process,
      absl::StrCat("was ended by signal ", signal, " (", strsignal(signal), ")",
                   others ? "; the other processes are ended" : ""));
}

void LocalLaunch::EndOthers() {
  next_ending_.reset();
  if (next_ending_signal_ == SIGTERM) {
    // Who sent the signal to all processes may have reached this one last.
    if (handed_on_.contains(failed_code_ - 128)) return;
    SignalAll(SIGTERM);
    SignalAll(SIGCONT);  // one that is stopped hears it then
    next_ending_ = After(options_.grace_seconds);
    next_ending_signal_ = SIGKILL;
    return;
  }
  for (size_t rank = 0; rank < children_.size(); ++rank) {
    if (children_[rank].process <= 0) continue;
    Say(rank, children_[rank].process,
        absl::StrCat("didn't end within ", options_.grace_seconds, " seconds and is killed"));
  }
  SignalAll(SIGKILL);
}

}  // namespace

absl::StatusOr<int> LaunchLocally(const LocalLaunchOptions& options) {
  if (options.processes < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--nproc: found ", options.processes, ", expected at least 1"));
  }
  if (options.arguments.empty()) {
    return absl::InvalidArgumentError("--nproc: found no arguments, expected the program's name");
  }
  LocalLaunch launch(options);
  if (absl::Status status = launch.StartAll(); !status.ok()) return status;
  return launch.WaitForAll();
}

}  // namespace draftp
