#include "draftp/convert/byte_progress.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace draftp::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ByteProgressTest, SaysShareRateAndTheTimeThatIsLeft) {
  std::ostringstream out;
  double now = 100;
  LiveLine line(out, {.terminal = true, .columns = [] { return 100; }});
  ByteProgress progress(&line, [&now] { return now; });
  progress.Begin("writing", int64_t{4} << 20);
  now += 2;
  progress.Add(1 << 20);
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("writing"), HasSubstr(" 25%"), HasSubstr("1.00 MiB/4.00 MiB"),
                    HasSubstr("512 KiB/s"), HasSubstr("ETA 0:06")));
  progress.Finish();
  EXPECT_THAT(out.str(), AllOf(HasSubstr("100%"), HasSubstr("in 2.0 s")));
  EXPECT_EQ(out.str().back(), '\n');
}

TEST(ByteProgressTest, TensorsCountWhenTheyAreMade) {
  std::ostringstream out;
  double now = 0;
  LiveLine line(out, {.terminal = true, .columns = [] { return 100; }});
  ByteProgress progress(&line, [&now] { return now; });
  const TensorsToWrite tensors =
      Watched({{"a", {at::kFloat, {256}, [] { return at::full({256}, 1.0); }}}}, progress);
  progress.Begin("writing", 2048);
  now = 1;
  EXPECT_THAT(out.str(), IsEmpty());
  EXPECT_EQ(tensors.at("a").make()->numel(), 256);
  EXPECT_THAT(out.str(), HasSubstr(" 50%"));
}

}  // namespace
}  // namespace draftp::testing
