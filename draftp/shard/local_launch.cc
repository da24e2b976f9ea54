// Starts processes, copies their lines, hands signals on and ends them together: one thread, one
// loop over poll.
#include "draftp/shard/local_launch.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLongestLine = size_t{64} << 10;
constexpr size_t kMostWaiting = size_t{1} << 20;  // bytes for a reader that is slow
constexpr int kHandedOn[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU, SIGPIPE};

std::string Words(int error) { return std::generic_category().message(error); }

absl::Status Exhausted(const std::string& what, int error) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ": ", Words(error)));
}

Clock::time_point After(double seconds) {
  const std::chrono::duration<double> wait(std::clamp(seconds, 0.0, 1e6));
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
}

class Descriptor {
 public:
  Descriptor() = default;
  // Takes over `descriptor`, moved above the three standard ones: they may be closed.
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {
    if (descriptor < 0 || descriptor > STDERR_FILENO) return;
    descriptor_ = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    close(descriptor);
    errno = error;
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() { Close(); }

  void Close() {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = -1;
  }
  int get() const { return descriptor_; }
  bool ok() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

struct Pipe {
  Descriptor read, write;
  bool ok() const { return read.ok() && write.ok(); }
};

Pipe NewPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  Pipe pipe{Descriptor(ends[0]), {}};
  pipe.write = Descriptor(ends[1]);
  return pipe;
}

// Whether poll has something for `descriptor` now: `events`, its end or an error.
bool Ready(int descriptor, int16_t events) {
  pollfd polled{descriptor, events, 0};
  return poll(&polled, 1, 0) == 1;
}

// Lines on their way to one of this process's streams, whose reader may be slow or gone.
class Outlet {
 public:
  explicit Outlet(int stream) : stream_(stream) {}

  void Add(std::string line) {
    waiting_ += line.size();
    lines_.push_back(std::move(line));
  }

  // Writes what can be written without waiting. A line up to PIPE_BUF, 4 KiB, goes in one write; of
  // more a pipe promises neither that it stays whole nor that the write doesn't wait.
  void Write() {
    while (!lines_.empty() && Ready(stream_, POLLOUT)) {
      const std::string& line = lines_.front();
      const ssize_t size = write(stream_, line.data() + written_,
                                 std::min<size_t>(line.size() - written_, PIPE_BUF));
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (size < 0) {
        Pop();  // what can't be written is dropped
        continue;
      }
      written_ += static_cast<size_t>(size);
      if (written_ == line.size()) Pop();
    }
  }

  void Drop() {
    while (!lines_.empty()) Pop();
  }

  int stream() const { return stream_; }
  bool empty() const { return lines_.empty(); }
  bool full() const { return waiting_ >= kMostWaiting; }

 private:
  void Pop() {
    waiting_ -= lines_.front().size();
    lines_.pop_front();
    written_ = 0;
  }

  int stream_;
  std::deque<std::string> lines_;
  size_t waiting_ = 0;
  size_t written_ = 0;  // of the first line
};

// What one process writes to one stream.
class Inlet {
 public:
  Inlet() = default;
  Inlet(Descriptor pipe, std::string prefix, Outlet* outlet)
      : pipe_(std::move(pipe)), prefix_(std::move(prefix)), outlet_(outlet) {}

  // Reads once, and closes at the end.
  void Read() {
    char bytes[kLongestLine];
    const ssize_t size = read(pipe_.get(), bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) return Close();
    std::string_view text(bytes, static_cast<size_t>(size));
    while (!text.empty()) {
      if (text.front() == '\n') {
        text.remove_prefix(1);
        Pass();
        continue;
      }
      if (begun_.size() == kLongestLine) Pass();
      const size_t part = std::min({text.find('\n'), text.size(), kLongestLine - begun_.size()});
      begun_ += text.substr(0, part);
      text.remove_prefix(part);
    }
  }

  // Reads what is there now, of a process that has ended; one that it started may write on.
  void ReadRest() {
    for (size_t most = kMostWaiting; open() && most > 0 && Ready(pipe_.get(), POLLIN);
         most -= kLongestLine) {
      Read();
    }
    if (open()) Close();
  }

  bool open() const { return pipe_.ok(); }
  // For poll: -1, which it skips, while the outlet has enough.
  int descriptor() const { return open() && !outlet_->full() ? pipe_.get() : -1; }

 private:
  void Pass() { outlet_->Add(absl::StrCat(prefix_, std::exchange(begun_, ""), "\n")); }
  void Close() {
    if (!begun_.empty()) Pass();
    pipe_.Close();
  }

  Descriptor pipe_;
  std::string prefix_;
  std::string begun_;  // a line that hasn't ended
  Outlet* outlet_ = nullptr;
};

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

// A socket that listens at 127.0.0.1.
struct StoreSocket {
  Descriptor descriptor;
  int port = 0;
};

absl::StatusOr<StoreSocket> Listen() {
  StoreSocket store{Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const auto generic = reinterpret_cast<sockaddr*>(&address);
  const int descriptor = store.descriptor.get();
  if (!store.descriptor.ok() || bind(descriptor, generic, size) != 0 ||
      listen(descriptor, SOMAXCONN) != 0 || getsockname(descriptor, generic, &size) != 0) {
    const int error = errno;
    if (error == EMFILE || error == ENFILE) return Exhausted("can't listen at 127.0.0.1", error);
    return absl::UnavailableError(absl::StrCat("can't listen at 127.0.0.1: ", Words(error)));
  }
  store.port = ntohs(address.sin_port);
  return store;
}

int ProcessorsAllowed() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return static_cast<int>(std::thread::hardware_concurrency());
}

std::vector<std::string> ChildEnvironment(int rank, int processes, const StoreSocket& store) {
  std::vector<std::string> set = {absl::StrCat("RANK=", rank),
                                  absl::StrCat("LOCAL_RANK=", rank),
                                  absl::StrCat("WORLD_SIZE=", processes),
                                  absl::StrCat("LOCAL_WORLD_SIZE=", processes),
                                  "MASTER_ADDR=127.0.0.1",
                                  absl::StrCat("MASTER_PORT=", store.port),
                                  "DRAFTP_LAUNCHER=--nproc"};
  if (rank == 0) set.push_back(absl::StrCat("DRAFTP_STORE_FD=", store.descriptor.get()));
  if (const char* threads = getenv("OMP_NUM_THREADS"); threads == nullptr || *threads == '\0') {
    set.push_back(absl::StrCat("OMP_NUM_THREADS=", std::max(1, ProcessorsAllowed() / processes)));
  }
  std::set<std::string, std::less<>> names = {"DRAFTP_STORE_FD"};
  for (const std::string& variable : set) names.insert(variable.substr(0, variable.find('=')));
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with("TORCHELASTIC_") || names.contains(text.substr(0, text.find('=')))) {
      continue;
    }
    set.emplace_back(text);
  }
  return set;
}

// Pointers as execve takes them, into `texts`.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// All that a process needs between fork and exec.
struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  pid_t parent;
  int input, output, error;  // its standard streams
  int store;                 // kept open; -1 for none
  int failure;               // gets errno when it can't be run
};

// One that stays where it is may be closed.
bool Put(int descriptor, int place) { return descriptor == place || dup2(descriptor, place) >= 0; }

// Nothing but async-signal-safe calls, here and above: other threads of the parent may have held
// any lock.
[[noreturn]] void BecomeChild(const ChildPlan& plan) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(128 + SIGKILL);  // it died before that
  const bool ready = Put(plan.input, STDIN_FILENO) && Put(plan.output, STDOUT_FILENO) &&
                     Put(plan.error, STDERR_FILENO) &&
                     (plan.store < 0 || fcntl(plan.store, F_SETFD, 0) == 0);
  sigset_t none;
  sigemptyset(&none);
  if (ready && sigprocmask(SIG_SETMASK, &none, nullptr) == 0) {
    execve(plan.program, plan.arguments, plan.environment);
  }
  const int error = errno;
  [[maybe_unused]] const auto written = write(plan.failure, &error, sizeof error);
  _exit(127);
}

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

  absl::Status Start(int rank, const StoreSocket& store, int input);
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
  absl::StatusOr<StoreSocket> store = Listen();
  if (!store.ok()) return store.status();
  const Descriptor input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.ok()) return Exhausted("can't open /dev/null", errno);
  for (int rank = 0; rank < options_.processes; ++rank) {
    if (absl::Status status = Start(rank, *store, input.get()); !status.ok()) return status;
  }
  return absl::OkStatus();  // rank 0 alone holds the socket: after its end who connects is refused
}

absl::Status LocalLaunch::Start(int rank, const StoreSocket& store, int input) {
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
