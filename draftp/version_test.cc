#include "draftp/version.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace draftp {
namespace {

TEST(VersionTest, TextIsTheThreeNumbers) {
  EXPECT_EQ(kVersion, std::to_string(kVersionMajor) + "." + std::to_string(kVersionMinor) + "." +
                          std::to_string(kVersionPatch));
}

TEST(VersionTest, IsTheNewestOfTheChangelog) {
  std::ifstream changelog("CHANGELOG.md");
  std::string line;
  while (std::getline(changelog, line) && !line.starts_with("## ")) {
  }
  EXPECT_EQ(line.substr(0, line.find(',')), std::string("## ") + kVersion);
}

}  // namespace
}  // namespace draftp
