// Holds a page of the docs to code that is compiled (tests only).
#ifndef DRAFTP_TESTING_DOC_EXAMPLES_H_
#define DRAFTP_TESTING_DOC_EXAMPLES_H_

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace draftp::testing {

// The text of a file that must not be empty.
inline std::string DocText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

// Each of the page's C++ blocks stands in one of the `sources` letter by letter; returns their
// number.
inline int CountCompiledBlocks(const std::string& page, const std::vector<std::string>& sources) {
  const std::string text = DocText(page), open = "```cpp\n", close = "```";
  std::string code;
  for (const std::string& source : sources) code += DocText(source);
  int blocks = 0;
  for (auto begin = text.find(open); begin != std::string::npos; ++blocks) {
    begin += open.size();
    const auto end = text.find(close, begin);
    const std::string block = text.substr(begin, end - begin);
    EXPECT_NE(code.find(block), std::string::npos) << "not in the compiled example:\n" << block;
    begin = text.find(open, end);
  }
  return blocks;
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_DOC_EXAMPLES_H_
