// The published vectors.
#include "draftp/report/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

// RFC 3720, appendix B.4, which prints the lowest byte first.
TEST(Crc32cTest, VectorsOfRfc3720) {
  std::string ascending, descending;
  for (char c = 0; c < 32; ++c) {
    ascending += c;
    descending.insert(descending.begin(), c);
  }
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c(ascending), 0x46DD794Eu);
  EXPECT_EQ(Crc32c(descending), 0x113FDB5Cu);
}

TEST(Crc32cTest, CheckValueOfTheCatalogue) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

}  // namespace
}  // namespace draftp
