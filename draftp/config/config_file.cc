// Chooses the reader of a configuration file.
#include "draftp/config/config_file.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_yaml.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

constexpr int64_t kLargestFile = int64_t{16} << 20;  // bytes; YAML's own limit is smaller

bool EndsWith(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), std::string::npos, ending) == 0;
}

}  // namespace

absl::StatusOr<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path,
                                                        const std::string& shown) {
  const std::string source = Printable(shown);
  const bool is_json = EndsWith(path, ".json");
  if (!is_json && !EndsWith(path, ".yaml") && !EndsWith(path, ".yml")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config: found ", Quoted(shown), ", expected a .yaml, .yml or .json file"));
  }
  const absl::StatusOr<std::string> text = ReadFile(path, kLargestFile);
  if (!text.ok()) return text.status();
  return is_json ? ParseJsonConfig(source, *text) : ParseYamlConfig(source, *text);
}

}  // namespace draftp
