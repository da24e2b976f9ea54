#include "draftp/shard/same_run.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "draftp/config/config_row.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/printable.h"
#include "draftp/version.h"

namespace draftp {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

// One line that differs where `value` does.
std::string ShownValue(const std::string& value) {
  std::string shown = Printable(value);
  return shown == value ? shown : absl::StrCat(shown, " (SHA-256 ", Sha256OfText(value), ")");
}

}  // namespace

absl::Status CheckSameSettings(const std::vector<std::pair<std::string, ConfigValue>>& settings,
                               const std::vector<std::string>& own, World& world) {
  Values values = {{"draftp", kVersion}};
  for (const auto& [key, value] : settings) {
    if (std::ranges::find(own, key) == own.end())
      values.emplace_back(absl::StrCat("--", key), ShownValue(PlainText(value)));
  }
  return world.CheckSame("configuration", values);
}

absl::Status CheckSameIdentity(const RunIdentity& identity, World& world) {
  Values values;
  for (const auto& [key, value] : identity.settings)
    values.emplace_back(absl::StrCat("--", key), ShownValue(value));
  for (const auto& [role, hash] : identity.inputs)
    values.emplace_back(absl::StrCat(role, " (SHA-256)"), hash);
  return world.CheckSame("weights", values);
}

}  // namespace draftp
