// What the ranks of an annealing run tell each other: that they draw the same, into one folder, and
// how far they are.
#ifndef DRAFTP_ANNEAL_ANNEAL_RANKS_H_
#define DRAFTP_ANNEAL_ANNEAL_RANKS_H_

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/run/compute_device.h"
#include "draftp/shard/world.h"

namespace draftp {

// Makes two ranks ready to draw each image together. InvalidArgument where one has a GPU and the
// other hasn't.
absl::Status JoinPair(const ComputeDevice& device, World& world);

// Ranks have unequal shares, with --skip_existing very unequal ones, and no wait for the others may
// last longer than the time-out. So those that still draw meet those that have drawn a few times
// within it.
class Meetings {
 public:
  // `timeout`: the world's, seconds.
  Meetings(World& world, double timeout);

  // Called often, between computations: now and then meets the others.
  void WhileDrawing();
  // Returns on all ranks once all have called it.
  void UntilAllHaveDrawn();

 private:
  bool Meet(bool draws);

  World& world_;
  std::chrono::duration<double> interval_;
  std::chrono::steady_clock::time_point last_;
};

// The sum of each number over all ranks.
std::vector<int64_t> SumOverRanks(const std::string& what, const std::vector<int64_t>& own,
                                  World& world);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_RANKS_H_
