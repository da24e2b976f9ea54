// The processes of a run: which of them this is, and what they do together.
#ifndef DRAFTP_SHARD_WORLD_H_
#define DRAFTP_SHARD_WORLD_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "draftp/shard/rank_info.h"

namespace draftp {

struct WorldOptions {
  std::string program = {};         // begins the line with which a process ends itself
  double timeout = 600;             // seconds that a rank waits for the others
  std::function<void()> tidy = {};  // before a process ends itself: removes what is half written
};

// A collective under way.
class Pending {
 public:
  Pending() = default;
  explicit Pending(std::function<void()> wait) : wait_(std::move(wait)) {}
  // On a GPU the current stream waits, the host doesn't.
  void Wait() {
    if (auto wait = std::exchange(wait_, nullptr)) wait();
  }

 private:
  std::function<void()> wait_;
};

// One process alone unless it joined others; then every collective is the identity. Collectives are
// entered by all ranks in the same order, by one thread; `what` names one in messages, as
// "gradients". Tensors are contiguous, by LibTorch's Gloo on a CPU and NCCL on a GPU (c10d).
//
// Where a rank has failed or has gone, or doesn't come within the time-out, every other process
// ends itself after one line that names rank, collective and step (watchdog.h), with code 1 or that
// of the rank that failed.
class World {
 public:
  World();

  // Meets the others at info.host. InvalidArgument or Unavailable names what doesn't fit or who
  // didn't come.
  static absl::StatusOr<std::unique_ptr<World>> Join(const RankInfo& info,
                                                     const WorldOptions& options);

  // Waits for the others to leave where this process holds their store.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const { return info_.rank; }
  int size() const { return info_.size; }
  bool first() const { return info_.rank == 0; }
  const RankInfo& info() const { return info_; }

  // From here on tensors of the current GPU may take part, by NCCL. All ranks call it.
  absl::Status UseGpu();

  // Where the work is, for messages.
  void SetStep(int64_t step);

  // The sum over all ranks, in place.
  void Sum(const std::string& what, at::Tensor tensor);
  Pending SumLater(const std::string& what, at::Tensor tensor);
  // all [size * n]: every rank's own [n], by rank.
  void Gather(const std::string& what, at::Tensor all, const at::Tensor& own);
  Pending GatherLater(const std::string& what, at::Tensor all, const at::Tensor& own);
  // own [n]: this rank's part of the sum over ranks of all [size * n].
  Pending SumScatterLater(const std::string& what, at::Tensor own, const at::Tensor& all);
  // received [size * n]: what each rank has in this rank's place of its own sent [size * n], by
  // rank.
  Pending ExchangeLater(const std::string& what, at::Tensor received, const at::Tensor& sent);

  // Each rank's text, by rank.
  std::vector<std::string> GatherTexts(const std::string& what, const std::string& own);
  // Rank 0's text.
  std::string FirstText(const std::string& what, const std::string& own);
  // OK where all are; else the first rank's error that has one, on all ranks: with its message on
  // that rank, and without one on the others, so that a line is said once (exit_code.h).
  absl::Status Agree(const std::string& what, const absl::Status& own);
  // InvalidArgument that names key and values where a rank's aren't rank 0's.
  absl::Status CheckSame(const std::string& what,
                         const std::vector<std::pair<std::string, std::string>>& values);
  // Whether any rank says so.
  bool Any(const std::string& what, bool own);

  // While it lives, the host is waiting for `what`: a GPU's work, in which the others take part.
  class Waiting {
   public:
    Waiting(World& world, const std::string& what);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    World& world_;
  };

  // Tells the others that this rank fails, so that they end; once.
  void Fail(const absl::Status& error);

 private:
  struct Group;
  explicit World(RankInfo info);
  // A failure that all ranks return; `failed`'s has the message.
  absl::Status Agreed(absl::StatusCode code, int failed, const std::string& message);
  template <class Start>
  Pending Begin(const std::string& what, const at::Tensor& tensor, Start&& start);

  RankInfo info_;
  std::unique_ptr<Group> group_;  // null: alone
};

// body()'s status; the other ranks hear of an error and of an exception, and end.
absl::Status RunInWorld(World& world, const std::function<absl::Status()>& body);

}  // namespace draftp

#endif  // DRAFTP_SHARD_WORLD_H_
