// The goldens of testdata/goldens/schedules.json, for this room's tests. Test only.
#ifndef DRAFTP_SCHEDULE_GOLDEN_H_
#define DRAFTP_SCHEDULE_GOLDEN_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace draftp::testing {

inline const nlohmann::json& ScheduleGolden() {
  static const nlohmann::json golden =
      nlohmann::json::parse(std::ifstream("testdata/goldens/schedules.json"));
  return golden;
}

// Holds levels.Times(n) to the reference's time indices: by checksum for every n up to
// max_steps(), and one by one for some.
template <class L>
void ExpectGoldenTimes(const L& levels) {
  const nlohmann::json& golden = ScheduleGolden().at(levels.name());
  ASSERT_EQ(golden.at("checksums").size(), static_cast<std::size_t>(levels.max_steps()));
  for (int n = 1; n <= levels.max_steps(); ++n) {
    std::int64_t checksum = 0, weight = 0;
    for (const int t : levels.Times(n)) checksum += ++weight * t;
    EXPECT_EQ(checksum, golden.at("checksums").at(n - 1)) << levels.name() << ", " << n << " steps";
  }
  for (const auto& [n, times] : golden.at("times").items()) {
    EXPECT_EQ(levels.Times(std::stoi(n)), times.template get<std::vector<int>>()) << n << " steps";
  }
}

// Holds levels.Sigmas(n) to diffusers' float32 ones. diffusers rounds alpha_bar to float32, which
// puts sigma off by the relative error 2^-24 alpha_bar / (2 (1 - alpha_bar) alpha_bar), at most
// 3.5e-5 (at t = 0, where 1 - alpha_bar is 0.00085); from t = 20 on it is below 3e-6.
template <class L>
void ExpectGoldenSigmas(const L& levels) {
  for (const auto& [n, expected] : ScheduleGolden().at(levels.name()).at("sigmas").items()) {
    const std::vector<double> sigmas = levels.Sigmas(std::stoi(n));
    ASSERT_EQ(sigmas.size(), expected.size() + 1);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double reference = expected.at(i).template get<double>();
      EXPECT_NEAR(sigmas[i], reference, (reference < 0.1 ? 3.5e-5 : 4e-6) * reference)
          << levels.name() << ", step " << i << " of " << n;
    }
  }
}

}  // namespace draftp::testing

#endif  // DRAFTP_SCHEDULE_GOLDEN_H_
