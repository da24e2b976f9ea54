// The damaged variants themselves, and that readers that fail in them are found.
#include "draftp/testing/corruption.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <stdlib.h>

#include <set>

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

class CorruptionTest : public ::testing::Test {
 protected:
  CorruptionTest() {
    std::string pattern = ::testing::TempDir() + "/corruption_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::ofstream(Path()) << kText;
  }
  ~CorruptionTest() override { std::filesystem::remove_all(folder_); }

  static std::string Path() { return folder_ + "/file"; }
  static std::string Read() {
    std::ifstream in(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // A reader that takes whatever file holds some text.
  static absl::Status Tolerant() {
    std::error_code error;
    if (!std::filesystem::is_regular_file(Path(), error)) return absl::NotFoundError(Path());
    return Read().empty() ? absl::InvalidArgumentError(Path() + ": empty") : absl::OkStatus();
  }

  static constexpr char kText[] = "0123456789";
  inline static std::string folder_;
};

TEST_F(CorruptionTest, PositionsAreDistinctAndReachBothEnds) {
  EXPECT_THAT(SpreadPositions(3, 6, 100), ElementsAre(3, 4, 5));
  EXPECT_THAT(SpreadPositions(0, 101, 3), ElementsAre(0, 50, 100));
  const std::vector<size_t> many = SpreadPositions(10, 1000, 200);
  EXPECT_EQ(std::set<size_t>(many.begin(), many.end()).size(), 200u);
  EXPECT_EQ(many.back(), 999u);
}

TEST_F(CorruptionTest, FlipsOneBitAndCutsAtEachPosition) {
  std::set<std::string> seen;
  const DamageTally tally = ExpectSurvivesDamage(Path(), {}, [&seen] {
    const absl::Status status = Tolerant();
    if (status.ok()) seen.insert(Read());
    return status;
  });
  EXPECT_EQ(seen.size(), 10u + 9u + 1u);  // flipped, cut to 9 to 1 bytes, whole
  EXPECT_EQ(tally.legal, 19u);
  EXPECT_EQ(tally.legal_truncated, 9u);
  EXPECT_EQ(Read(), kText);
}

TEST_F(CorruptionTest, TruncatesInsideTheHeaderAndBehindIt) {
  std::vector<size_t> cut;
  ExpectSurvivesDamage(Path(), {.truncations = 4, .flips = 0, .text = 4}, [&cut] {
    if (Tolerant().ok() && Read().size() < 10) cut.push_back(Read().size());
    return Tolerant();
  });
  EXPECT_THAT(cut, ElementsAre(9, 4, 3));  // and 0
}

TEST_F(CorruptionTest, FindsAReaderThatTakesAnEmptyFile) {
  EXPECT_NONFATAL_FAILURE(ExpectSurvivesDamage(Path(), {.truncations = 0, .flips = 0},
                                               [] {
                                                 std::error_code error;
                                                 return std::filesystem::is_regular_file(Path(),
                                                                                         error)
                                                            ? absl::OkStatus()
                                                            : absl::NotFoundError(Path());
                                               }),
                          "empty: was read as if it were whole");
}

TEST_F(CorruptionTest, FindsAnErrorWithoutThePathOrOfTwoLines) {
  const auto damage_with = [](const std::string& message) {
    ExpectSurvivesDamage(Path(), {.truncations = 0, .flips = 1}, [message] {
      const absl::Status status = Tolerant();
      return status.ok() && Read() != kText ? absl::DataLossError(message) : status;
    });
  };
  EXPECT_NONFATAL_FAILURE(damage_with("damaged"), "byte 0 flipped: damaged");
  EXPECT_NONFATAL_FAILURE(damage_with(Path() + "\ndamaged"), "byte 0 flipped");
}

}  // namespace
}  // namespace draftp::testing
