// The helpers of this room's tests.
#include "draftp/io/test_files.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;

TEST(TestFilesTest, TheFolderGoesWithAllThatIsInIt) {
  std::string path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    EXPECT_EQ(Contents(folder.Write(".hidden", "x")), "x");
    EXPECT_THAT(folder.Names(), ElementsAre(".hidden"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TestFilesTest, FailsWithWantsAnErrorOfOneLineWithTheText) {
  EXPECT_THAT(absl::NotFoundError("a b"), FailsWith("b"));
  EXPECT_THAT(absl::StatusOr<int>(absl::NotFoundError("a b")), FailsWith("a"));
  EXPECT_THAT(absl::NotFoundError("a b"), Not(FailsWith("c")));
  EXPECT_THAT(absl::NotFoundError("a\nb"), Not(FailsWith("b")));
  EXPECT_THAT(absl::OkStatus(), Not(FailsWith("")));
}

}  // namespace
}  // namespace draftp::testing
