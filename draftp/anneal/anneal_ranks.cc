#include "draftp/anneal/anneal_ranks.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace draftp {
absl::Status JoinPair(const ComputeDevice& device, World& world) {
  const std::string kind = device.is_cuda() ? "cuda" : "cpu";
  if (absl::Status same = world.CheckSame("devices", {{"--device", kind}}); !same.ok()) return same;
  return world.Agree("GPUs", device.is_cuda() ? world.UseGpu() : absl::OkStatus());
}

Meetings::Meetings(World& world, double timeout)
    : world_(world),
      interval_(std::min(timeout / 4, 60.0)),
      last_(std::chrono::steady_clock::now()) {}

bool Meetings::Meet(bool draws) {
  const bool anyone_draws = world_.Any("pictures", draws);
  last_ = std::chrono::steady_clock::now();
  return anyone_draws;
}

void Meetings::WhileDrawing() {
  if (world_.size() == 1 || std::chrono::steady_clock::now() - last_ < interval_) return;
  Meet(true);
}

void Meetings::UntilAllHaveDrawn() {
  while (Meet(false)) {
  }
}

std::vector<int64_t> SumOverRanks(const std::string& what, const std::vector<int64_t>& own,
                                  World& world) {
  const at::Tensor sums = at::empty({static_cast<int64_t>(own.size())}, at::kLong);
  std::ranges::copy(own, sums.data_ptr<int64_t>());
  world.Sum(what, sums);
  return {sums.data_ptr<int64_t>(), sums.data_ptr<int64_t>() + own.size()};
}

}  // namespace draftp
