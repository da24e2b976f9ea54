// Threads that share the work of one call: kernels of a few microseconds, or rows of a network.
#ifndef DRAFTP_KERNELS_CPU_THREAD_POOL_H_
#define DRAFTP_KERNELS_CPU_THREAD_POOL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace draftp::cpu {

// Threads that ParallelFor uses, the caller among them: OMP_NUM_THREADS, or the processors that
// this process may run on.
int Threads();

// Calls f(begin, end) on ranges that cover [0, count) once each, of at most `grain` items (>= 1),
// and returns when all are done. Ranges are handed out one by one, so that a thread which is kept
// from its processor delays nobody but the range it holds; waiting threads spin for some
// microseconds and then sleep. Inside f, or while another thread is in ParallelFor, the calls run
// on the caller alone. The first exception of f is thrown again once no range runs any more.
void ParallelFor(int64_t count, int64_t grain, absl::FunctionRef<void(int64_t, int64_t)> f);

// Threads that a call of ParallelFor from here would use: 1 inside f.
int ThreadsFromHere();

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_THREAD_POOL_H_
