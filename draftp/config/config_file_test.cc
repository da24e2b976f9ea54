// Tests of file choice and of files that can't be read.
#include "draftp/config/config_file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

std::string WriteConfig(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::string ErrorOfFile(const std::string& path) {
  const auto entries = ReadConfigFile(path, path);
  EXPECT_FALSE(entries.ok());
  const std::string message(entries.status().message());
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message;
}

TEST(ConfigFileTest, TheNameChoosesTheFormat) {
  const auto yaml = ReadConfigFile(WriteConfig("config_file.yaml", "steps: 3\n"), "c.yaml");
  const auto json = ReadConfigFile(WriteConfig("config_file.json", "{\"steps\": 3}"), "c.json");
  ASSERT_TRUE(yaml.ok() && json.ok());
  EXPECT_EQ(yaml->at(0).where, "c.yaml:1: steps");
  EXPECT_EQ(json->at(0).where, "c.json: steps");
}

TEST(ConfigFileTest, RejectsOtherNames) {
  EXPECT_THAT(ErrorOfFile(WriteConfig("config_file.txt", "steps: 3")),
              HasSubstr("expected a .yaml"));
  EXPECT_THAT(ErrorOfFile("yaml"), HasSubstr("found \"yaml\", expected a .yaml"));
}

TEST(ConfigFileTest, NamesFilesThatCannotBeRead) {
  EXPECT_THAT(ErrorOfFile("/absent/c.yaml"), HasSubstr("/absent/c.yaml"));
  const std::string folder = ::testing::TempDir() + "/folder.yaml";
  std::filesystem::create_directories(folder);
  EXPECT_THAT(ErrorOfFile(folder), HasSubstr("found a folder"));
  EXPECT_THAT(ErrorOfFile(std::string("a\0b.yaml", 8)), HasSubstr("a\\x00b.yaml"));
}

TEST(ConfigFileTest, NamesTheFileInParseErrors) {
  const std::string path = WriteConfig("config_broken.json", "{");
  EXPECT_THAT(ErrorOfFile(path), HasSubstr(path + ": found an error at byte"));
}

}  // namespace
}  // namespace draftp
