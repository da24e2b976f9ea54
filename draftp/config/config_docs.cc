#include "draftp/config/config_docs.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include "absl/status/statusor.h"
#include "draftp/config/config_help.h"
#include "draftp/config/config_path.h"

namespace draftp {

int WriteConfigDocs(int argc, char** argv, const std::string& name, const ConfigSchema& schema) {
  const std::string tables = ConfigMarkdown(schema);
  if (argc != 2) {
    std::fputs(tables.c_str(), stdout);
    return argc == 1 ? 0 : 2;
  }
  const absl::StatusOr<std::string> folder = UserFolder();
  const std::string path = AbsolutePath(argv[1], folder.ok() ? *folder : "/");
  std::ifstream in(path);
  const std::string document{std::istreambuf_iterator<char>(in), {}};
  const absl::StatusOr<std::string> out = ReplaceMarkedTable(document, name, tables);
  if (!out.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(out.status().message()).c_str());
    return 1;
  }
  std::ofstream file(path);
  file << *out << std::flush;
  return file.good() ? 0 : 1;
}

}  // namespace draftp
