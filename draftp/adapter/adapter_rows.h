// Which rows of a batch an adapter acts on: a value that is passed down each forward call.
#ifndef DRAFTP_ADAPTER_ADAPTER_ROWS_H_
#define DRAFTP_ADAPTER_ADAPTER_ROWS_H_

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace draftp {

// `end` of a range that reaches the last row, however many there are.
inline constexpr int64_t kToLastRow = std::numeric_limits<int64_t>::max();

// Adapter `adapter` acts with `scale` (on top of its layers' own alpha/r) on rows [begin,end) of
// dimension 0.
struct AdapterRange {
  int adapter = 0;
  int64_t begin = 0;
  int64_t end = kToLastRow;
  double scale = 1.0;

  bool operator==(const AdapterRange&) const = default;
};

// Ranges may overlap: what they add, adds up. None means the base model. It is a value rather than
// a state of the thread, because recomputation in the backward pass runs on a thread of autograd's
// own.
using AdapterRows = std::vector<AdapterRange>;

// One adapter on every row.
inline AdapterRows OnAllRows(int adapter, double scale = 1.0) {
  return {AdapterRange{.adapter = adapter, .scale = scale}};
}

// What of `adapters` falls on rows [begin, end), counted from there.
inline AdapterRows RowsBetween(const AdapterRows& adapters, int64_t begin, int64_t end) {
  AdapterRows part;
  for (AdapterRange range : adapters) {
    range.begin = std::max(range.begin, begin) - begin;
    range.end = std::min(range.end, end) - begin;
    if (range.begin < range.end) part.push_back(range);
  }
  return part;
}

// The last row, exclusive, of `range` in a batch of `rows`; a range that leaves the batch is a
// mistake.
inline int64_t EndRow(const AdapterRange& range, int64_t rows) {
  const int64_t end = range.end == kToLastRow ? rows : range.end;
  TORCH_CHECK(0 <= range.begin && range.begin <= end && end <= rows, "adapter ", range.adapter,
              " acts on rows [", range.begin, ",", end, ") of a batch of ", rows);
  return end;
}

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADAPTER_ROWS_H_
