// Flags, the loop over captions and the exit status of //tools:tokenize.
#include "tools/tokenize_tool.h"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "draftp/data/captions.h"
#include "draftp/io/printable.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp {

absl::Status RunTokenize(const TokenizeOptions& options, std::ostream& out,
                         std::ostream& warnings) {
  const absl::StatusOr<ClipTokenizer> tokenizer = ClipTokenizer::Open(options.tokenizer);
  if (!tokenizer.ok()) return tokenizer.status();
  const absl::StatusOr<CaptionSet> set = ReadCaptions(options.prompts, EmptyCaptions::kKeep);
  if (!set.ok()) return set.status();
  const std::vector<std::string>& prompts = set->captions;
  for (size_t i = 0; i < prompts.size() && out.good(); ++i) {
    const ClipTokenizer::Encoded encoded = tokenizer->Encode(prompts[i]);
    out << absl::StrJoin(encoded.ids, " ") << '\n';
    if (!encoded.truncated) continue;
    warnings << "warning: " << Printable(options.prompts, 4096) << ": caption " << i + 1 << " "
             << Quoted(prompts[i], 60) << ": found " << encoded.tokens << " tokens, used the first "
             << tokenizer->max_length() - 2 << '\n';
  }
  out.flush();
  if (!out.good())
    return absl::DataLossError("output: found a write error, expected all lines written");
  return absl::OkStatus();
}

int TokenizeMain(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  TokenizeOptions options;
  CLI::App app("Prints the ids of the captions in a prompt file, a line each.", "tokenize");
  app.add_option("--tokenizer", options.tokenizer,
                 "Folder with vocab.json and merges.txt, or tokenizer.json")
      ->required()
      ->type_name("DIR");
  app.add_option("--prompts", options.prompts, "Captions, in what train takes as --prompts")
      ->required()
      ->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error, out, err);  // --help
    err << "tokenize: " << Printable(error.what()) << " (see --help)\n";
    return 2;
  }
  const absl::Status status = RunTokenize(options, out, err);
  if (status.ok()) return 0;
  err << "tokenize: " << status.message() << '\n';
  return 1;
}

}  // namespace draftp
