#include "draftp/io/format_bytes.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(FormatBytesTest, TakesTheLargestUnitAndThreeDigits) {
  constexpr int64_t kKib = 1024, kMib = 1024 * kKib, kGib = 1024 * kMib;
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(kKib), "1.00 KiB");
  EXPECT_EQ(FormatBytes(1536), "1.50 KiB");
  EXPECT_EQ(FormatBytes(10 * kKib - 1), "10.0 KiB");
  EXPECT_EQ(FormatBytes(99 * kKib + 990), "100 KiB");
  EXPECT_EQ(FormatBytes(917 * kMib), "917 MiB");
  EXPECT_EQ(FormatBytes(kMib - 1), "1.00 MiB");
  EXPECT_EQ(FormatBytes(kGib + kGib / 4), "1.25 GiB");
  EXPECT_EQ(FormatBytes(int64_t{3} << 40), "3.00 TiB");
  EXPECT_EQ(FormatBytes(int64_t{1} << 60), "1048576 TiB");
}

}  // namespace
}  // namespace draftp
