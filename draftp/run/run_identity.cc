#include "draftp/run/run_identity.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kMostEntries = 10'000;
constexpr size_t kLongestText = 1 << 16;  // bytes
constexpr size_t kShownDigits = 12;

absl::StatusOr<std::map<std::string, std::string>> Texts(const nlohmann::json& json,
                                                         const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object() || found->size() > kMostEntries)
    return absl::InvalidArgumentError(absl::StrCat("found no object ", key, " of texts"));
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : found->items()) {
    const auto* const text = value.get_ptr<const std::string*>();
    if (text == nullptr || text->size() > kLongestText || name.size() > kLongestText)
      return absl::InvalidArgumentError(absl::StrCat("found no short text at ", key));
    texts[name] = *text;
  }
  return texts;
}

std::string Setting(const std::string& value) {
  return value.empty() ? "none" : Printable(value, 100);
}

std::string Hash(const std::map<std::string, std::string>& hashes, const std::string& role) {
  const auto found = hashes.find(role);
  return found == hashes.end() ? "none" : Printable(found->second, kShownDigits);
}

}  // namespace

nlohmann::ordered_json ToJson(const RunIdentity& identity) {
  return {{"settings", identity.settings}, {"inputs", identity.inputs}};
}

absl::StatusOr<RunIdentity> RunIdentityFrom(const nlohmann::json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("found no object");
  auto settings = Texts(json, "settings");
  if (!settings.ok()) return settings.status();
  auto inputs = Texts(json, "inputs");
  if (!inputs.ok()) return inputs.status();
  return RunIdentity{*std::move(settings), *std::move(inputs)};
}

std::vector<std::string> Differences(const RunIdentity& before, const RunIdentity& now) {
  std::vector<std::string> texts;
  for (const auto& [key, value] : now.settings) {
    const auto old = before.settings.find(key);
    if (old == before.settings.end() || old->second == value) continue;
    texts.push_back(
        absl::StrCat("--", key, " was ", Setting(old->second), ", is ", Setting(value)));
  }
  std::set<std::string> roles;
  for (const auto* inputs : {&before.inputs, &now.inputs}) {
    for (const auto& [role, hash] : *inputs) roles.insert(role);
  }
  for (const std::string& role : roles) {
    const auto old = before.inputs.find(role), own = now.inputs.find(role);
    if (old != before.inputs.end() && own != now.inputs.end() && old->second == own->second)
      continue;
    texts.push_back(absl::StrCat(Printable(role), " (SHA-256) was ", Hash(before.inputs, role),
                                 ", is ", Hash(now.inputs, role)));
  }
  return texts;
}

std::string FirstOf(const std::vector<std::string>& texts, size_t most) {
  const std::span<const std::string> first(texts.data(), std::min(most, texts.size()));
  const size_t more = texts.size() - first.size();
  return absl::StrCat(absl::StrJoin(first, "; "),
                      more > 0 ? absl::StrCat("; and ", more, " more") : "");
}

}  // namespace draftp
