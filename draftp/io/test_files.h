// Folders and files of this room's tests.
#ifndef DRAFTP_IO_TEST_FILES_H_
#define DRAFTP_IO_TEST_FILES_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace draftp::testing {

// A new folder, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = ::testing::TempDir() + "/draftp_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // Writes a file and returns its path.
  std::string Write(const std::string& name, std::string_view contents) const {
    std::ofstream(*this / name, std::ios::binary) << contents;
    return *this / name;
  }

  // Names in it, hidden ones too, sorted.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string path_;
};

inline std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A status or StatusOr that failed with a message of one line that holds `text`.
MATCHER_P(FailsWith, text, "fails with one line that has \"" + std::string(text) + "\"") {
  const auto status = [](const auto& value) {
    if constexpr (requires { value.status(); })
      return value.status();
    else
      return value;
  }(arg);
  const std::string message(status.message());
  *result_listener << "status " << status.ToString();
  return !status.ok() && message.find(text) != std::string::npos &&
         message.find('\n') == std::string::npos;
}

}  // namespace draftp::testing

#endif  // DRAFTP_IO_TEST_FILES_H_
