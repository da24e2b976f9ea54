// The goldens of testdata/goldens/metrics.json, for this room's tests. Test only.
#ifndef DRAFTP_METRICS_GOLDEN_H_
#define DRAFTP_METRICS_GOLDEN_H_

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/metrics/intervals.h"

namespace draftp::testing {

inline const nlohmann::json& MetricsGolden() {
  static const nlohmann::json golden =
      nlohmann::json::parse(std::ifstream("testdata/goldens/metrics.json"));
  return golden;
}

// The case's "set" or "base", [n,P] float64.
inline at::Tensor GoldenEmbeddings(const nlohmann::json& sets, const std::string& name) {
  return at::tensor(sets.at(name).get<std::vector<double>>(), at::kDouble)
      .view({-1, sets.at("dimensions").get<int64_t>()});
}

// Against [mean, low, high].
inline void ExpectInterval(const absl::StatusOr<Interval>& interval,
                           const nlohmann::json& expected) {
  ASSERT_TRUE(interval.ok()) << interval.status();
  EXPECT_NEAR(interval->mean, expected.at(0), 1e-9);
  EXPECT_NEAR(interval->low, expected.at(1), 1e-9);
  EXPECT_NEAR(interval->high, expected.at(2), 1e-9);
}

}  // namespace draftp::testing

#endif  // DRAFTP_METRICS_GOLDEN_H_
