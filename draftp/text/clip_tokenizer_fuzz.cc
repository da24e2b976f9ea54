// Any text as the files of a tokenizer: an error of one line, or ids of its vocabulary for any
// caption. The input has four parts with lines of "---" between them: vocab.json, merges.txt,
// tokenizer_config.json and a caption. A vocab.json that doesn't begin with { is put behind the
// bytes that each vocabulary must have; without a tokenizer_config.json there is no such file.
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "draftp/testing/fuzz.h"
#include "draftp/text/byte_pair.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp {
namespace {

// A folder in memory where there is one, removed at the program's end.
class Folder {
 public:
  Folder() {
    const bool memory = std::filesystem::is_directory("/dev/shm");
    std::string pattern = memory ? "/dev/shm/draftp_fuzz_XXXXXX" : "/tmp/draftp_fuzz_XXXXXX";
    testing::FuzzRequire(mkdtemp(pattern.data()) != nullptr, "a folder can be made");
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  void Write(const std::string& name, std::string_view contents) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << contents;
  }

 private:
  std::string path_;
};

// {"!":0, ... without the closing brace.
std::string Bytes() {
  nlohmann::ordered_json bytes = nlohmann::ordered_json::object();
  for (const char* end : {"", "</w>"}) {
    for (int byte = 0; byte < 256; ++byte)
      bytes[ByteCharacter(static_cast<uint8_t>(byte)) + end] = bytes.size();
  }
  std::string text = bytes.dump();
  text.pop_back();
  return text;
}

std::array<std::string_view, 4> SplitParts(std::string_view text) {
  constexpr std::string_view kLine = "\n---\n";
  std::array<std::string_view, 4> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t end = i + 1 < parts.size() ? text.find(kLine) : std::string_view::npos;
    parts[i] = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + kLine.size());
  }
  return parts;
}

void Try(std::string_view input) {
  static const Folder folder;
  static const std::string bytes = Bytes();
  const auto [vocabulary, merges, config, caption] = SplitParts(input);
  folder.Write("vocab.json", vocabulary.starts_with('{') ? std::string(vocabulary)
                                                         : bytes + std::string(vocabulary) + "}");
  folder.Write("merges.txt", merges);
  std::filesystem::remove(folder.path() + "/tokenizer_config.json");
  if (!config.empty()) folder.Write("tokenizer_config.json", config);
  const auto tokenizer = ClipTokenizer::Open(folder.path());
  if (!tokenizer.ok()) {
    testing::FuzzRequireMessage(tokenizer.status().message(), folder.path());
    return;
  }
  const auto encoded = tokenizer->Encode(std::string(caption));
  testing::FuzzRequire(static_cast<int64_t>(encoded.ids.size()) == tokenizer->max_length(),
                       "ids have the tokenizer's length");
  for (const int64_t id : encoded.ids) {
    testing::FuzzRequire(id >= 0 && id < tokenizer->vocabulary_size(), "ids are of the vocabulary");
  }
}

}  // namespace
}  // namespace draftp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  draftp::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
