// Levenshtein distance over a bounded list.
#include "draftp/io/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace draftp {
namespace {

constexpr size_t kMostNames = 20'000;
constexpr size_t kLongestName = 200;

// The distance, or anything of at least `limit` once it can't be below that.
size_t Distance(std::string_view a, std::string_view b, size_t limit) {
  const size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap >= limit) return limit;
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    size_t lowest = row[0];
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
      lowest = std::min(lowest, row[j + 1]);
    }
    if (lowest >= limit) return limit;
  }
  return row.back();
}

}  // namespace

std::optional<std::string> NearestName(std::string_view name, std::span<const std::string> names) {
  if (name.size() > kLongestName) return std::nullopt;
  size_t limit = std::max<size_t>(name.size() / 3, 1) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : names.first(std::min(names.size(), kMostNames))) {
    if (candidate.size() > kLongestName) continue;
    const size_t distance = Distance(name, candidate, limit);
    if (distance >= limit) continue;
    limit = distance;
    nearest = &candidate;
    if (distance == 0) break;
  }
  return nearest == nullptr ? std::nullopt : std::optional<std::string>(*nearest);
}

}  // namespace draftp
