// Resolves the keys of a source against a configuration's rows and rules.
#include "draftp/config/config_schema.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/config/config_value.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kLongestComparedName = 100;  // bounds the edit distance's work on hostile keys

std::string Normalized(const std::string& name) {
  std::string out = name.substr(0, kLongestComparedName);
  for (char& c : out) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

std::optional<size_t> FindField(const ConfigSchema& schema, const std::string& key) {
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    const ConfigField& field = schema.fields[i];
    if (field.key == key ||
        std::count(field.original_keys.begin(), field.original_keys.end(), key)) {
      return i;
    }
  }
  return std::nullopt;
}

bool IsBelow(const std::string& key, const std::string& root) {
  return key.compare(0, root.size() + 1, root + ".") == 0;
}

absl::Status UnknownKey(const ConfigSchema& schema, const ConfigEntry& entry) {
  std::vector<std::string> names;
  for (const ConfigField& field : schema.fields) {
    names.push_back(field.key);
    names.insert(names.end(), field.original_keys.begin(), field.original_keys.end());
  }
  for (const ConfigField& field : schema.fields) {
    // `model` is a row and also the root of the original's keys; `steps` is only a row.
    const bool is_root = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return IsBelow(name, field.key);
    });
    if (is_root || !IsBelow(entry.key, field.key)) continue;
    return absl::InvalidArgumentError(absl::StrCat(entry.where, ": found a key below ", field.key,
                                                   ", expected ", field.expected, " as its value"));
  }
  const std::string nearest = NearestKey(entry.key, names);
  return absl::InvalidArgumentError(absl::StrCat(
      entry.where, ": found the unknown key ", Quoted(entry.key, 60),
      nearest.empty() ? "; --help_all lists all that there are" : "; the nearest valid key is ",
      nearest));
}

struct MatchedRule {
  const ConfigRule* rule = nullptr;
  std::string pattern = {};
};

std::optional<MatchedRule> FindRule(const ConfigSchema& schema, const std::string& key) {
  for (const ConfigRule& rule : schema.rules) {
    for (const std::string& pattern : rule.patterns) {
      if (MatchesPattern(key, pattern)) return MatchedRule{&rule, pattern};
    }
  }
  return std::nullopt;
}

// Applies the rule to an entry without a row.
absl::Status ApplyRule(const ConfigRule& rule, const ConfigEntry& entry) {
  if (rule.kind == ConfigRule::Kind::kIgnored) return absl::OkStatus();
  if (rule.kind == ConfigRule::Kind::kRefused) {
    return absl::InvalidArgumentError(absl::StrCat(entry.where, ": found ", entry.key,
                                                   ", which has no meaning here; ", rule.note));
  }
  if (entry.value.IsScalar() &&
      std::count(rule.accepted.begin(), rule.accepted.end(), entry.value.text)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(entry.where, ": found ", DescribeForMessage(entry.value), ", expected ",
                   absl::StrJoin(rule.accepted, " or "), ": ", rule.note));
}

}  // namespace

std::string NearestKey(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string wanted = Normalized(name);
  const size_t length = wanted.size() - std::min(wanted.find_first_not_of('_'), wanted.size());
  const size_t farthest = std::max(std::min<size_t>(2, length / 2), length / 3);
  std::string best;
  size_t best_distance = std::max<size_t>(2 * farthest, 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::string has = Normalized(candidate);
    size_t distance = 2 * EditDistance(wanted, has);
    if (wanted.size() > 2 && has.compare(0, wanted.size(), wanted) == 0) {
      distance = std::min<size_t>(distance, 3);  // an abbreviation is nearer than two edits
    }
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

bool MatchesPattern(const std::string& key, const std::string& pattern) {
  const bool subtree = pattern.size() >= 2 && pattern.compare(pattern.size() - 2, 2, ".*") == 0;
  if (!subtree) return key == pattern;
  const std::string root = pattern.substr(0, pattern.size() - 2);
  return key == root || key.compare(0, root.size() + 1, root + ".") == 0;
}

absl::StatusOr<ConfigSettings> ResolveEntries(const ConfigSchema& schema, const std::string& source,
                                              const std::vector<ConfigEntry>& entries) {
  ConfigSettings out;
  std::map<size_t, const ConfigEntry*> set_by;
  std::vector<std::string> ignored;
  for (const ConfigEntry& entry : entries) {
    if (const std::optional<size_t> field = FindField(schema, entry.key)) {
      const auto [earlier, is_new] = set_by.emplace(*field, &entry);
      if (!is_new) {
        return absl::InvalidArgumentError(
            absl::StrCat(entry.where, ": found a second value for ", schema.fields[*field].key,
                         ", expected one; the first is ", earlier->second->where));
      }
      out.settings.push_back({*field, entry.where, entry.value});
      continue;
    }
    const std::optional<MatchedRule> match = FindRule(schema, entry.key);
    if (!match.has_value()) return UnknownKey(schema, entry);
    if (entry.value.kind == ConfigValue::Kind::kNull) continue;
    if (absl::Status status = ApplyRule(*match->rule, entry); !status.ok()) return status;
    const bool is_ignored = match->rule->kind == ConfigRule::Kind::kIgnored;
    if (is_ignored && !std::count(ignored.begin(), ignored.end(), match->pattern)) {
      ignored.push_back(match->pattern);
    }
  }
  if (!ignored.empty()) {
    out.notices.push_back(absl::StrCat(source, ": ignored, for ", schema.program,
                                       " has no use for them: ", absl::StrJoin(ignored, ", ")));
  }
  return out;
}

}  // namespace draftp
