// What a sharding policy takes and gives back of a rank's memory, told before there is one.
#ifndef DRAFTP_SHARD_SHARDING_MEMORY_H_
#define DRAFTP_SHARD_SHARDING_MEMORY_H_

#include <cstdint>

namespace draftp {

// Bytes on each rank, at the most. What isn't here is as it was loaded: weights, values, leaves.
struct ShardingMemory {
  int64_t frozen_gone = 0, values_gone = 0, leaves_gone = 0;  // let go, and other ranks keep it
  int64_t parts = 0;                                          // of values, beside them
  int64_t gathered = 0;   // places for blocks while they are whole
  int64_t gradients = 0;  // of a micro batch, before they are added up
  int64_t sums = 0;       // of gradients, over micro batches and ranks
  int64_t moments = 0, average = 0;
  bool weights_stay = true;  // not in blocks

  int64_t gone() const { return frozen_gone + values_gone + leaves_gone; }
  // What is there between steps.
  int64_t lasting() const { return parts + gathered + sums + moments + average; }
};

}  // namespace draftp

#endif  // DRAFTP_SHARD_SHARDING_MEMORY_H_
