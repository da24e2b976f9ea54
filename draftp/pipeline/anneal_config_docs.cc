// Writes the tables of docs/configuration.md from AnnealTable(): `anneal_config_docs
// docs/configuration.md`.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/config_help.h"
#include "draftp/io/config_path.h"
#include "draftp/pipeline/anneal_config.h"

int main(int argc, char** argv) {
  const std::string tables = draftp::ConfigMarkdown(draftp::AnnealTable().schema());
  if (argc != 2) {
    std::fputs(tables.c_str(), stdout);
    return argc == 1 ? 0 : 2;
  }
  const std::string path = draftp::AbsolutePath(argv[1], draftp::UserFolder());
  std::ifstream in(path);
  const std::string document{std::istreambuf_iterator<char>(in), {}};
  const absl::StatusOr<std::string> out = draftp::ReplaceMarkedTable(document, "anneal", tables);
  if (!out.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(out.status().message()).c_str());
    return 1;
  }
  std::ofstream file(path);
  file << *out << std::flush;
  return file.good() ? 0 : 1;
}
