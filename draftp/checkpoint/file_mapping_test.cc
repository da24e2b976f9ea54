#include "draftp/checkpoint/file_mapping.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::TemporaryFolder;

int64_t ResidentBytes() {
  int64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t CountOf(const FileMapping& mapping, char byte) {
  return std::ranges::count(mapping.bytes(), std::byte(byte));
}

TEST(FileMappingTest, PagesThatAreGivenBackAreReadAgain) {
  constexpr int64_t kBytes = 32 << 20;
  const TemporaryFolder folder;
  const auto mapping = FileMapping::Map(folder.Write("large", std::string(kBytes, 'x'))).value();
  ASSERT_EQ(CountOf(*mapping, 'x'), kBytes);
  const int64_t before = ResidentBytes();
  GiveBackMappedPages();
  EXPECT_LT(ResidentBytes(), before - kBytes * 3 / 4);
  EXPECT_EQ(CountOf(*mapping, 'x'), kBytes);
}

TEST(FileMappingTest, AnEmptyFileAndOneThatIsGoneHaveNone) {
  const TemporaryFolder folder;
  const auto empty = FileMapping::Map(folder.Write("empty", "")).value();
  {
    const auto gone = FileMapping::Map(folder.Write("gone", "abc")).value();
  }
  GiveBackMappedPages();
  EXPECT_TRUE(empty->bytes().empty());
}

}  // namespace
}  // namespace draftp
