// Reads the variables of torchrun, Open MPI and Slurm.
#include "draftp/shard/rank_info.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr int kMost = std::numeric_limits<int>::max();
constexpr size_t kShown = 60;  // bytes of a value in a message

// `text` as a whole number and nothing else.
std::optional<int64_t> Integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads variables, and keeps the first mistake; values after one mean nothing.
class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::string Text(const char* name) const { return environment_(name).value_or(""); }
  bool Has(const char* name) const { return !Text(name).empty(); }

  int64_t Number(const char* name, int64_t low, int64_t high, int64_t otherwise) {
    const std::string text = Text(name);
    if (text.empty()) return otherwise;
    const std::optional<int64_t> value = Integer(text);
    if (value.has_value() && *value >= low && *value <= high) return *value;
    Fail(absl::StrCat(name, ": found ", Quoted(text, kShown), ", expected an integer from ", low,
                      " to ", high));
    return otherwise;
  }

  int Int(const char* name, int low, int high, int otherwise) {
    return static_cast<int>(Number(name, low, high, otherwise));
  }

  // A number that the launcher sets wherever it sets `beside`.
  int Needed(const char* name, const char* beside) {
    if (!Has(name)) {
      Fail(absl::StrCat(name, ": found none beside ", beside, ", expected both or neither"));
    }
    return Int(name, 0, kMost, 0);
  }

  void Fail(std::string message) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(message);
  }
  const absl::Status& status() const { return status_; }

 private:
  const Environment& environment_;
  absl::Status status_;
};

// Ports below those that Linux gives to connections (ip_local_port_range: from 32768).
int DerivedPort(uint64_t number) { return 20000 + static_cast<int>(number % 12000); }

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): the same in all processes.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

// The names are those of the launcher's variables, for messages.
void CheckPlace(const RankInfo& info, const char* rank, const char* size, const char* local_rank,
                const char* local_size, Reader& reader) {
  const auto below = [&reader](const char* name, int found, const char* bound, int limit) {
    if (found < limit) return;
    reader.Fail(absl::StrCat(name, ": found ", found, ", expected less than ", bound, ", ", limit));
  };
  below(rank, info.rank, size, info.size);
  below(local_rank, info.local_rank, local_size, info.local_size);
  if (info.local_size > info.size) {
    reader.Fail(absl::StrCat(local_size, ": found ", info.local_size, ", expected at most ", size,
                             ", ", info.size));
  }
}

// MASTER_ADDR and MASTER_PORT; `host` and `port` are what serves without them: "" and 0 for none.
void ReadStore(std::string host, int port, Reader& reader, RankInfo& info) {
  info.host = reader.Has("MASTER_ADDR") ? reader.Text("MASTER_ADDR") : std::move(host);
  info.port = reader.Int("MASTER_PORT", 1, 65535, port);
  if (info.host.empty()) {
    reader.Fail(absl::StrCat("MASTER_ADDR: found none with ", info.size,
                             " processes, expected the host of rank 0"));
  }
  if (info.port == 0) {
    reader.Fail(absl::StrCat("MASTER_PORT: found none with ", info.size,
                             " processes, expected a port of rank 0's host, the same for all"));
  }
}

RankInfo FromTorchrun(Reader& reader) {
  RankInfo info;
  for (const auto& [name, other] :
       {std::pair("RANK", "WORLD_SIZE"), std::pair("WORLD_SIZE", "RANK")}) {
    if (reader.Has(other)) continue;
    reader.Fail(absl::StrCat(name, ": found ", Printable(reader.Text(name), kShown), " without ",
                             other, ", expected both (torchrun sets them) or none"));
  }
  info.rank = reader.Int("RANK", 0, kMost, 0);
  info.size = reader.Int("WORLD_SIZE", 1, kMost, 1);
  info.local_size = reader.Int("LOCAL_WORLD_SIZE", 1, kMost, 1);
  info.local_rank = reader.Int("LOCAL_RANK", 0, kMost, info.rank % info.local_size);
  CheckPlace(info, "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", reader);
  info.launcher = reader.Text("DRAFTP_LAUNCHER");
  if (info.launcher.empty()) {
    info.launcher = reader.Has("TORCHELASTIC_RUN_ID") ? "torchrun" : "RANK and WORLD_SIZE";
  }
  if (!info.distributed()) return info;

  ReadStore("", 0, reader, info);
  info.agent_store = reader.Text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (info.rank == 0) info.store_fd = reader.Int("DRAFTP_STORE_FD", 3, kMost, -1);
  if (reader.Has("TORCHELASTIC_RUN_ID")) {
    info.prefix = absl::StrCat(reader.Text("TORCHELASTIC_RUN_ID"), "/",
                               reader.Number("TORCHELASTIC_RESTART_COUNT", 0, kMost, 0));
  }
  return info;
}

RankInfo FromOpenMpi(int size, Reader& reader) {
  RankInfo info{.size = size, .launcher = "mpirun"};
  info.rank = reader.Needed("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  info.local_size = reader.Int("OMPI_COMM_WORLD_LOCAL_SIZE", 1, kMost, 1);
  info.local_rank = reader.Int("OMPI_COMM_WORLD_LOCAL_RANK", 0, kMost, info.rank % info.local_size);
  CheckPlace(info, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
             "OMPI_COMM_WORLD_LOCAL_SIZE", reader);
  std::string job = reader.Text("PMIX_NAMESPACE");
  if (job.empty()) job = reader.Text("OMPI_MCA_ess_base_jobid");
  ReadStore(info.local_size == info.size ? "127.0.0.1" : "",
            job.empty() ? 0 : DerivedPort(Hash(job)), reader, info);
  return info;
}

// The number for node `node` in a list such as "4(x2),3", nullopt where there is none.
std::optional<int64_t> TasksOnNode(std::string_view list, int64_t node) {
  while (!list.empty()) {
    std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    int64_t nodes = 1;
    if (const size_t times = entry.find("(x"); times != entry.npos && entry.ends_with(')')) {
      nodes = Integer(entry.substr(times + 2, entry.size() - times - 3)).value_or(-1);
      entry = entry.substr(0, times);
    }
    const std::optional<int64_t> tasks = Integer(entry);
    if (!tasks.has_value() || *tasks < 1 || *tasks > kMost || nodes < 1) return std::nullopt;
    if (node < nodes) return tasks;
    node -= nodes;
  }
  return std::nullopt;
}

int SlurmLocalSize(int local_rank, Reader& reader) {
  constexpr char kName[] = "SLURM_STEP_TASKS_PER_NODE";
  const int64_t node = reader.Number("SLURM_NODEID", 0, kMost, -1);
  if (!reader.Has(kName) || node < 0) return local_rank + 1;
  const std::optional<int64_t> tasks = TasksOnNode(reader.Text(kName), node);
  if (!tasks.has_value()) {
    reader.Fail(absl::StrCat(kName, ": found ", Quoted(reader.Text(kName), kShown),
                             ", expected the tasks of node ", node, ", as in 4(x2),3"));
  }
  return static_cast<int>(tasks.value_or(local_rank + 1));
}

std::string SlurmHost(Reader& reader) {
  for (const char* name : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"}) {
    const std::string list = reader.Text(name);
    if (list.empty()) continue;
    std::string host = FirstHost(list);
    if (host.empty()) {
      reader.Fail(absl::StrCat(name, ": found ", Quoted(list, kShown),
                               ", expected hosts, as in node[003-005,7],other"));
    }
    return host;
  }
  return "";
}

RankInfo FromSlurm(int size, Reader& reader) {
  RankInfo info{.size = size, .launcher = "srun"};
  info.rank = reader.Needed("SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
  info.local_rank = reader.Needed("SLURM_LOCALID", "SLURM_STEP_NUM_TASKS");
  info.local_size = SlurmLocalSize(std::min(info.local_rank, kMost - 1), reader);
  CheckPlace(info, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID",
             "the tasks of this node", reader);
  const int64_t job = reader.Number("SLURM_JOB_ID", 0, 0xffffffff, -1);
  const int64_t step = reader.Number("SLURM_STEP_ID", 0, 0xffffffff, 0);
  ReadStore(reader.Has("MASTER_ADDR") ? "" : SlurmHost(reader),
            job < 0 ? 0 : DerivedPort(static_cast<uint64_t>(job + step % 64)), reader, info);
  return info;
}

}  // namespace

absl::StatusOr<RankInfo> RankInfoFrom(const Environment& environment) {
  Reader reader(environment);
  RankInfo info;
  if (reader.Has("RANK") || reader.Has("WORLD_SIZE")) {
    info = FromTorchrun(reader);
  } else if (const int mpi = reader.Int("OMPI_COMM_WORLD_SIZE", 1, kMost, 1); mpi > 1) {
    info = FromOpenMpi(mpi, reader);
  } else if (const int slurm = reader.Int("SLURM_STEP_NUM_TASKS", 1, kMost, 1); slurm > 1) {
    info = FromSlurm(slurm, reader);
  }
  if (!reader.status().ok()) return reader.status();
  return info;
}

absl::StatusOr<RankInfo> RankInfoFromEnvironment() {
  return RankInfoFrom([](const char* name) -> std::optional<std::string> {
    const char* const value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
  });
}

std::string FirstHost(std::string_view list) {
  std::string host;
  while (!list.empty() && list.front() != ',') {
    if (list.front() != '[') {
      host += list.front();
      list.remove_prefix(1);
      continue;
    }
    const size_t close = list.find(']');
    const size_t first = list.find_first_of("-,]");
    if (close == list.npos || first == 1) return "";
    host += list.substr(1, first - 1);
    list.remove_prefix(close + 1);
  }
  return host;
}

}  // namespace draftp
