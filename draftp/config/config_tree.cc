// The flattening of nested configuration files into dotted keys.
#include "draftp/config/config_tree.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_value.h"
#include "draftp/io/printable.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

constexpr size_t kDeepest = 32;
constexpr size_t kMostNodes = 10000;
constexpr size_t kLongestKey = 1024;

}  // namespace

void ConfigTreeBuilder::Fail(int line, const std::string& problem) {
  if (!status_.ok()) return;
  const std::string at = line > 0 ? absl::StrCat(source_, ":", line) : source_;
  status_ = absl::InvalidArgumentError(absl::StrCat(at, ": ", problem));
}

bool ConfigTreeBuilder::Count(int line) {
  if (!status_.ok()) return false;
  if (++count_ <= kMostNodes) return true;
  Fail(line, absl::StrCat("found more than ", kMostNodes, " values, expected a configuration"));
  return false;
}

bool ConfigTreeBuilder::Open(int line, bool is_list) {
  if (!Count(line)) return false;
  if (levels_.size() + static_cast<size_t>(nested_) >= kDeepest) {
    Fail(line, absl::StrCat("found more than ", kDeepest, " levels, expected a configuration"));
    return false;
  }
  if (levels_.empty() && is_list) {
    Fail(line, "found a list, expected a map of keys and values");
    return false;
  }
  if (!levels_.empty() && levels_.back().is_list) {
    ++nested_;
    list_ = ConfigValue::Nested();
    return false;
  }
  return true;
}

void ConfigTreeBuilder::BeginMap(int line) {
  if (!Open(line, false)) return;
  Level level;
  level.line = line;
  if (!levels_.empty()) level.prefix = levels_.back().prefix + levels_.back().key + ".";
  levels_.push_back(std::move(level));
}

void ConfigTreeBuilder::Key(const std::string& key, int line) {
  if (!status_.ok() || nested_ > 0 || !Count(line)) return;
  Level& level = levels_.back();
  const bool too_long = level.prefix.size() + key.size() > kLongestKey;
  if (key.empty() || too_long || !IsUtf8(key) || HasControlCharacter(key)) {
    return Fail(line, absl::StrCat("found the key ", Quoted(key, 60), ", expected a name"));
  }
  if (!level.keys.insert(key).second) {
    return Fail(line, absl::StrCat("found the key ", Quoted(level.prefix + key, 60),
                                   " a second time, expected it once"));
  }
  level.key = key;
}

void ConfigTreeBuilder::EndMap() {
  if (!status_.ok()) return;
  if (nested_ > 0) {
    --nested_;
    return;
  }
  const Level closed = std::move(levels_.back());
  levels_.pop_back();
  if (closed.keys.empty() && !levels_.empty()) Emit(ConfigValue::Map(), closed.line);
}

void ConfigTreeBuilder::BeginList(int line) {
  if (!Open(line, true)) return;
  levels_.push_back({.is_list = true, .line = line});
  list_ = ConfigValue::List({});
}

void ConfigTreeBuilder::EndList() {
  if (!status_.ok()) return;
  if (nested_ > 0) {
    --nested_;
    return;
  }
  const int line = levels_.back().line;
  levels_.pop_back();
  Emit(list_, line);
}

void ConfigTreeBuilder::Value(const ConfigValue& value, int line) {
  if (!status_.ok() || nested_ > 0 || !Count(line)) return;
  if (levels_.empty()) {
    if (value.kind == ConfigValue::Kind::kNull) return;  // a document of nothing sets nothing
    return Fail(line, absl::StrCat("found ", DescribeForMessage(value),
                                   ", expected a map of keys and values"));
  }
  if (!levels_.back().is_list) return Emit(value, line);
  if (list_.kind != ConfigValue::Kind::kList) return;
  if (value.IsScalar()) {
    list_.items.push_back(value.text);
  } else {
    list_ = ConfigValue::Nested();
  }
}

void ConfigTreeBuilder::Emit(const ConfigValue& value, int line) {
  const std::string key = levels_.back().prefix + levels_.back().key;
  const auto [earlier, is_new] = lines_.emplace(key, line);
  if (!is_new) {
    return Fail(
        line, absl::StrCat("found the key ", Quoted(key, 60), " a second time, expected it once"));
  }
  const std::string at = line > 0 ? absl::StrCat(source_, ":", line) : source_;
  entries_.push_back({key, absl::StrCat(at, ": ", key), value});
}

}  // namespace draftp
