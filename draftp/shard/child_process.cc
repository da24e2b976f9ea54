#include "draftp/shard/child_process.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <set>
#include <string_view>
#include <thread>

namespace draftp {
namespace {

int ProcessorsAllowed() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return static_cast<int>(std::thread::hardware_concurrency());
}

// One that stays where it is may be closed.
bool Put(int descriptor, int place) { return descriptor == place || dup2(descriptor, place) >= 0; }

}  // namespace

absl::StatusOr<ListeningSocket> ListenAtLoopback() {
  ListeningSocket store{Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
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
    return absl::UnavailableError(absl::StrCat("can't listen at 127.0.0.1: ", SystemWords(error)));
  }
  store.port = ntohs(address.sin_port);
  return store;
}

std::vector<std::string> ChildEnvironment(int rank, int processes, const ListeningSocket& store) {
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

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

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

}  // namespace draftp
