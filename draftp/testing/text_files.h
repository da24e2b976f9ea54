// What tests of texts share: goldens, and tokenizer folders with one file changed.
#ifndef DRAFTP_TESTING_TEXT_FILES_H_
#define DRAFTP_TESTING_TEXT_FILES_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"

namespace draftp::testing {

inline constexpr char kTiny[] = "testdata/tiny_sdxl/tokenizer";
inline constexpr char kTiny2[] = "testdata/tiny_sdxl/tokenizer_2";
inline constexpr char kScripts[] = "testdata/tokenizer_scripts";

inline nlohmann::json ReadGolden(const std::string& name) {
  std::ifstream in("testdata/goldens/" + name);
  return nlohmann::json::parse(in);
}

// A folder of this test's own, removed with the object.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = ::testing::TempDir() + "draftp_text_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string Write(const std::string& name, const std::string& contents) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << contents;
    return path_ + "/" + name;
  }
  // Copies the embedded model's first tokenizer here.
  void CopyTiny() const {
    for (const char* name :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
      std::filesystem::copy_file(std::string(kTiny) + "/" + name, path_ + "/" + name);
    }
  }

 private:
  std::string path_;
};

// Expects a one-line error that contains all of `parts`.
template <class... Parts>
void ExpectError(const absl::Status& status, const Parts&... parts) {
  ASSERT_FALSE(status.ok());
  const std::string message(status.message());
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  for (const std::string& part : {std::string(parts)...}) {
    EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
  }
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_TEXT_FILES_H_
