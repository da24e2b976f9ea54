// Any text as the files of a tokenizer: an error of one line, or ids of its vocabulary for any
// caption. The input has four parts with lines of "---" between them: vocab.json, merges.txt,
// tokenizer_config.json and a caption. A vocab.json that doesn't begin with { is put behind the
// bytes that each vocabulary must have; without a tokenizer_config.json there is no such file.
// Where merges.txt is "tokenizer.json" the first part is that file, BYTES in it those bytes.
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "draftp/testing/fuzz.h"
#include "draftp/text/byte_pair.h"
#include "draftp/text/clip_tokenizer.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

// "!":0, ... without braces.
std::string Bytes() {
  nlohmann::ordered_json bytes = nlohmann::ordered_json::object();
  for (const char* end : {"", "</w>"}) {
    for (int byte = 0; byte < 256; ++byte)
      bytes[ByteCharacter(static_cast<uint8_t>(byte)) + end] = bytes.size();
  }
  std::string text = bytes.dump();
  return text.substr(1, text.size() - 2);
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

std::map<std::string, std::string> TextsOf(std::string_view first, std::string_view merges) {
  static const std::string bytes = Bytes();
  std::string text(first);
  if (merges == "tokenizer.json") {
    if (const size_t at = text.find("BYTES"); at != std::string::npos) text.replace(at, 5, bytes);
    return {{"tokenizer.json", text}};
  }
  if (!text.starts_with('{')) text = "{" + bytes + text + "}";
  return {{"vocab.json", text}, {"merges.txt", std::string(merges)}};
}

void Try(std::string_view input) {
  const auto [first, merges, config, caption] = SplitParts(input);
  std::map<std::string, std::string> texts = TextsOf(first, merges);
  if (!config.empty()) texts["tokenizer_config.json"] = config;
  const auto tokenizer = ClipTokenizer::Open(TokenizerFiles::Texts("fuzz", std::move(texts)));
  if (!tokenizer.ok()) {
    testing::FuzzRequireMessage(tokenizer.status().message(), "fuzz/");
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
