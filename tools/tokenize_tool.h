// The program //tools:tokenize: prints the ids that a tokenizer gives the captions of a prompt
// file.
#ifndef DRAFTP_TOOLS_TOKENIZE_TOOL_H_
#define DRAFTP_TOOLS_TOKENIZE_TOOL_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace draftp {

struct TokenizeOptions {
  std::string tokenizer;  // folder with vocab.json and merges.txt, or tokenizer.json
  std::string prompts;    // prompt file (prompts.h)
};

// Writes a line for each caption: its ids, start, end and padding included, with spaces between.
// Captions that were cut have a line in `warnings`.
absl::Status RunTokenize(const TokenizeOptions& options, std::ostream& out, std::ostream& warnings);

// Parses the flags and runs. The exit status: 0; 1 after an error, 2 after wrong usage, each told
// in one line on `err`.
int TokenizeMain(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace draftp

#endif  // DRAFTP_TOOLS_TOKENIZE_TOOL_H_
