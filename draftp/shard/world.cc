#include "draftp/shard/world.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include "draftp/shard/process_group.h"
#include "draftp/shard/tell_failure.h"
#include "draftp/shard/watchdog.h"

namespace draftp {
namespace {

using Store = c10::intrusive_ptr<c10d::Store>;

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(1000 * seconds));
}

absl::StatusOr<Store> Meet(const RankInfo& info, double timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(info.port);
  options.isServer = info.rank == 0 && !info.agent_store;
  options.waitWorkers = false;
  options.timeout = Milliseconds(timeout);
  if (options.isServer && info.store_fd >= 0) options.masterListenFd = info.store_fd;
  try {
    const Store whole = c10::make_intrusive<c10d::TCPStore>(info.host, options);
    return Store(c10::make_intrusive<c10d::PrefixStore>("draftp/" + info.prefix, whole));
  } catch (const std::exception& error) {
    const std::string what = error.what();
    if (options.isServer &&
        (absl::StrContains(what, "EADDRINUSE") || absl::StrContains(what, "already in use"))) {
      return absl::UnavailableError(absl::StrCat("MASTER_PORT: ", info.port,
                                                 " is in use on this host, expected a free port"));
    }
    return absl::UnavailableError(absl::StrFormat(
        "MASTER_ADDR, MASTER_PORT: %s:%d doesn't answer within %g s (--timeout), "
        "expected the store of %s there",
        info.host, info.port, timeout, info.agent_store ? "the launcher" : "rank 0"));
  }
}

std::string FirstLine(const std::exception& error) {
  const auto* c10_error = dynamic_cast<const c10::Error*>(&error);
  const std::string what = c10_error ? c10_error->what_without_backtrace() : error.what();
  return what.substr(0, what.find('\n'));
}

constexpr char kBetween = '\x1f', kAfter = '\x1e';

}  // namespace

struct World::Group {
  Store store;
  c10::intrusive_ptr<c10d::Backend> cpu, cuda;
  std::unique_ptr<Watchdog> watchdog;
  bool holds_store = false;
  bool agreed_failure = false;  // all ranks return it
  bool failed = false;
};

World::World() = default;
World::World(RankInfo info) : info_(std::move(info)) {}

World::~World() {
  if (!group_) return;
  if (group_->holds_store && group_->watchdog) group_->watchdog->WaitForOthersToLeave();
  group_->watchdog.reset();
  // The groups' threads end with the process: taken down while others still are in their last
  // collective, or have gone, they would wait, or touch what is gone.
  if (group_->cpu) group_->cpu.release();
  if (group_->cuda) group_->cuda.release();
}

absl::StatusOr<std::unique_ptr<World>> World::Join(const RankInfo& info,
                                                   const WorldOptions& options) {
  if (!info.distributed()) return std::make_unique<World>();
  static std::once_flag once;
  std::call_once(once, [] {
    std::signal(SIGPIPE, SIG_IGN);  // a rank that has gone is an error of a collective
    // LibTorch's warnings on sockets: the watchdog says what there is to say.
    setenv("TORCH_CPP_LOG_LEVEL", "FATAL", /*overwrite=*/0);
    c10::initLogging();
  });
  auto store = Meet(info, options.timeout);
  if (!store.ok()) return store.status();
  std::unique_ptr<World> world(new World(info));
  world->group_ = std::make_unique<Group>();
  Group& group = *world->group_;
  group.store = *store;
  group.holds_store = info.rank == 0 && !info.agent_store;
  const auto on_lost = [program = options.program, tidy = options.tidy](const std::string& line,
                                                                        int code) {
    if (tidy) tidy();
    if (!line.empty()) TellFailure(program, line);
    _exit(code);
  };
  try {
    group.watchdog = std::make_unique<Watchdog>(
        (*store)->clone(),
        Watchdog::Options{.rank = info.rank,
                          .size = info.size,
                          .timeout = options.timeout,
                          .beat = std::min(std::max(1.0, info.size / 64.0), options.timeout / 5),
                          .store_holder = info.agent_store ? "the launcher" : "rank 0",
                          .holds_store = group.holds_store,
                          .on_lost = on_lost});
    group.cpu = MakeGlooGroup(*store, info, Milliseconds(options.timeout));
  } catch (const std::exception& error) {
    return absl::UnavailableError(FirstLine(error));
  }
  return world;
}

absl::Status World::UseGpu() {
  if (!group_ || group_->cuda) return absl::OkStatus();
  auto nccl = MakeNcclGroup(group_->store, info_);
  if (!nccl.ok()) return nccl.status();
  group_->cuda = *std::move(nccl);
  return absl::OkStatus();
}

void World::SetStep(int64_t step) {
  if (group_) group_->watchdog->SetStep(step);
}

template <class Start>
Pending World::Begin(const std::string& what, const at::Tensor& tensor, Start&& start) {
  Group& group = *group_;
  const auto lost = [&group, what](const std::exception& error) {
    group.watchdog->BeginWait(what);
    group.watchdog->Suspect();  // as a rule it finds who has gone, and ends the process
    group.failed = true;
    TORCH_CHECK(false, what, ": the other ranks can't be reached: ", FirstLine(error));
  };
  TORCH_CHECK(tensor.is_contiguous(), what, ": a collective takes contiguous tensors");
  const auto& backend = tensor.is_cuda() ? group.cuda : group.cpu;
  TORCH_CHECK(backend, what, ": this world has no group for ", tensor.device());
  group.watchdog->Enter(what);
  c10::intrusive_ptr<c10d::Work> work;
  try {
    work = start(*backend);
  } catch (const std::exception& error) {
    lost(error);
  }
  return Pending([&group, what, work, lost] {
    group.watchdog->BeginWait(what);
    try {
      work->wait();
    } catch (const std::exception& error) {
      lost(error);
    }
    group.watchdog->EndWait();
  });
}

Pending World::SumLater(const std::string& what, at::Tensor tensor) {
  if (!group_) return {};
  return Begin(what, tensor, [&](c10d::Backend& backend) {
    std::vector<at::Tensor> tensors = {tensor};
    return backend.allreduce(tensors);
  });
}

void World::Sum(const std::string& what, at::Tensor tensor) {
  SumLater(what, std::move(tensor)).Wait();
}

Pending World::GatherLater(const std::string& what, at::Tensor all, const at::Tensor& own) {
  TORCH_CHECK(all.numel() == own.numel() * size(), what, ": gathers ", own.numel(),
              " from each of ", size(), " ranks into ", all.numel());
  if (!group_) {
    const at::NoGradGuard no_grad;
    all.view(own.sizes()).copy_(own);
    return {};
  }
  return Begin(what, all, [&](c10d::Backend& backend) {
    at::Tensor output = all.view({-1}), input = own.view({-1});
    return backend._allgather_base(output, input);
  });
}

void World::Gather(const std::string& what, at::Tensor all, const at::Tensor& own) {
  GatherLater(what, std::move(all), own).Wait();
}

Pending World::SumScatterLater(const std::string& what, at::Tensor own, const at::Tensor& all) {
  TORCH_CHECK(all.numel() == own.numel() * size(), what, ": scatters ", all.numel(), " to ", size(),
              " ranks' ", own.numel());
  if (!group_) {
    const at::NoGradGuard no_grad;
    own.copy_(all.view(own.sizes()));
    return {};
  }
  return Begin(what, own, [&](c10d::Backend& backend) {
    at::Tensor output = own.view({-1}), input = all.view({-1});
    return backend._reduce_scatter_base(output, input);
  });
}

Pending World::ExchangeLater(const std::string& what, at::Tensor received, const at::Tensor& sent) {
  TORCH_CHECK(received.numel() == sent.numel() && sent.numel() % size() == 0, what, ": exchanges ",
              sent.numel(), " for ", received.numel(), " among ", size(), " ranks");
  if (!group_) {
    const at::NoGradGuard no_grad;
    received.copy_(sent.view(received.sizes()));
    return {};
  }
  return Begin(what, received, [&](c10d::Backend& backend) {
    at::Tensor output = received.view({-1}), input = sent.view({-1});
    std::vector<int64_t> evenly;
    return backend.alltoall_base(output, input, evenly, evenly);
  });
}

std::vector<std::string> World::GatherTexts(const std::string& what, const std::string& own) {
  if (!group_) return {own};
  at::Tensor lengths = at::zeros({size()}, at::kLong);
  lengths.data_ptr<int64_t>()[rank()] = static_cast<int64_t>(own.size());
  Sum(what, lengths);
  const int64_t most = std::max<int64_t>(1, lengths.max().item<int64_t>());
  at::Tensor text = at::zeros({most}, at::kByte), texts = at::empty({size(), most}, at::kByte);
  std::memcpy(text.data_ptr(), own.data(), own.size());
  Gather(what, texts, text);
  std::vector<std::string> all;
  for (int r = 0; r < size(); ++r) {
    const auto length = static_cast<size_t>(lengths.data_ptr<int64_t>()[r]);
    all.emplace_back(static_cast<const char*>(texts[r].data_ptr()), length);
  }
  return all;
}

std::string World::FirstText(const std::string& what, const std::string& own) {
  return GatherTexts(what, own).front();
}

absl::Status World::Agreed(absl::StatusCode code, int failed, const std::string& message) {
  group_->agreed_failure = true;
  const bool tells = rank() == failed;
  return absl::Status(code, tells ? message : "");
}

absl::Status World::Agree(const std::string& what, const absl::Status& own) {
  if (!group_) return own;
  const std::vector<std::string> codes =
      GatherTexts(what, absl::StrCat(static_cast<int>(own.code())));
  const auto failed = std::ranges::find_if(codes, [](const std::string& c) { return c != "0"; });
  if (failed == codes.end()) return absl::OkStatus();
  const auto rank_of = static_cast<int>(failed - codes.begin());
  const auto code = static_cast<absl::StatusCode>(std::stoi(*failed));
  return Agreed(code, rank_of,
                rank_of == 0 ? std::string(own.message())
                             : absl::StrCat("rank ", rank_of, ": ", own.message()));
}

absl::Status World::CheckSame(const std::string& what,
                              const std::vector<std::pair<std::string, std::string>>& values) {
  if (!group_) return absl::OkStatus();
  const auto join = [](const auto& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs)
      absl::StrAppend(&text, key, std::string(1, kBetween), value, std::string(1, kAfter));
    return text;
  };
  const std::vector<std::string> texts = GatherTexts(what, join(values));
  const std::vector<std::string> first = absl::StrSplit(texts[0], kAfter);
  for (int r = 1; r < size(); ++r) {
    if (texts[r] == texts[0]) continue;
    const std::vector<std::string> other = absl::StrSplit(texts[r], kAfter);
    size_t i = 0;
    while (i < first.size() && i < other.size() && first[i] == other[i]) ++i;
    const auto field = [i](const std::vector<std::string>& list) -> std::vector<std::string> {
      return i < list.size() ? absl::StrSplit(list[i], absl::MaxSplits(kBetween, 1))
                             : std::vector<std::string>{"", ""};
    };
    const auto mine = field(first), theirs = field(other);
    return Agreed(absl::StatusCode::kInvalidArgument, 0,
                  absl::StrCat(mine[0].empty() ? theirs[0] : mine[0], ": found \"", theirs.back(),
                               "\" on rank ", r, " and \"", mine.back(),
                               "\" on rank 0, expected the same on all ranks"));
  }
  return absl::OkStatus();
}

bool World::Any(const std::string& what, bool own) {
  if (!group_) return own;
  at::Tensor count = at::zeros({1}, at::kLong);
  count.data_ptr<int64_t>()[0] = own ? 1 : 0;
  Sum(what, count);
  return count.data_ptr<int64_t>()[0] > 0;
}

World::Waiting::Waiting(World& world, const std::string& what) : world_(world) {
  if (world_.group_) world_.group_->watchdog->BeginWait(what);
}

World::Waiting::~Waiting() {
  if (world_.group_) world_.group_->watchdog->EndWait();
}

void World::Fail(const absl::Status& error) {
  if (!group_ || group_->failed) return;
  group_->failed = true;
  if (!error.message().empty()) WriteErrorFile(std::string(error.message()));
  if (group_->agreed_failure) return;
  try {
    group_->watchdog->Post(std::string(error.message()), absl::IsInvalidArgument(error) ? 2 : 1);
  } catch (const std::exception&) {  // the store has gone: the others hear of that
  }
}

absl::Status RunInWorld(World& world, const std::function<absl::Status()>& body) {
  try {
    absl::Status status = body();
    if (!status.ok()) world.Fail(status);
    return status;
  } catch (const std::exception& error) {
    world.Fail(absl::InternalError(FirstLine(error)));
    throw;
  }
}

}  // namespace draftp
