// YAML events of yaml-cpp, fed to the configuration tree.
#include "draftp/config/config_yaml.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_tree.h"
#include "draftp/config/config_value.h"
#include "draftp/io/printable.h"
#include "draftp/io/utf8.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace draftp {
namespace {

constexpr size_t kLargestFile = size_t{256} << 10;

struct Stop {};  // leaves the parser at the first error, which the tree holds

bool IsOwnTag(const std::string& tag) {
  static constexpr std::array<const char*, 10> kTags = {
      "",
      "?",
      "!",
      "tag:yaml.org,2002:str",
      "tag:yaml.org,2002:int",
      "tag:yaml.org,2002:float",
      "tag:yaml.org,2002:bool",
      "tag:yaml.org,2002:null",
      "tag:yaml.org,2002:map",
      "tag:yaml.org,2002:seq",
  };
  return std::find(kTags.begin(), kTags.end(), tag) != kTags.end();
}

bool IsNullWord(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Tells keys from values, which yaml-cpp's events leave to the reader.
class TreeFeeder final : public YAML::EventHandler {
 public:
  explicit TreeFeeder(ConfigTreeBuilder& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "found a second document, expected one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Scalar(mark, anchor, ConfigValue::Null());
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    const bool is_null = (tag == "?" && IsNullWord(value)) || tag == "tag:yaml.org,2002:null";
    const bool is_reference = value.find("${") != std::string::npos;
    Scalar(mark, anchor,
           is_null        ? ConfigValue::Null()
           : is_reference ? ConfigValue::Reference(value)
                          : ConfigValue::Text(value));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = scalars_.find(anchor);
    if (found == scalars_.end()) Fail(mark, "found an alias of a list or map, expected a value");
    Scalar(mark, 0, found->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    OpenCollection(mark, tag, "a list");
    tree_.BeginList(Line(mark));
    open_.push_back(State::kInList);
    StopOnError();
  }

  void OnSequenceEnd() override {
    open_.pop_back();
    tree_.EndList();
    StopOnError();
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    OpenCollection(mark, tag, "a map");
    tree_.BeginMap(Line(mark));
    open_.push_back(State::kBeforeKey);
    StopOnError();
  }

  void OnMapEnd() override {
    open_.pop_back();
    tree_.EndMap();
    StopOnError();
  }

 private:
  enum class State { kInList, kBeforeKey, kBeforeValue };

  static int Line(const YAML::Mark& mark) { return mark.line + 1; }

  [[noreturn]] void Fail(const YAML::Mark& mark, const std::string& problem) {
    tree_.Fail(Line(mark), problem);
    throw Stop{};
  }

  void StopOnError() const {
    if (!tree_.status().ok()) throw Stop{};
  }

  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (IsOwnTag(tag)) return;
    Fail(mark, absl::StrCat("found the tag ", Quoted(tag, 60), ", expected a plain value"));
  }

  void OpenCollection(const YAML::Mark& mark, const std::string& tag, const std::string& what) {
    CheckTag(mark, tag);
    if (open_.empty() || open_.back() == State::kInList) return;
    if (open_.back() == State::kBeforeKey) {
      Fail(mark, absl::StrCat("found ", what, " as a key, expected a name"));
    }
    open_.back() = State::kBeforeKey;
  }

  void Scalar(const YAML::Mark& mark, YAML::anchor_t anchor, const ConfigValue& value) {
    if (anchor != 0) scalars_[anchor] = value;
    if (!open_.empty() && open_.back() == State::kBeforeKey) {
      if (value.text == "<<") Fail(mark, "found a merge key (<<), expected a name");
      tree_.Key(value.text, Line(mark));
      open_.back() = State::kBeforeValue;
    } else {
      tree_.Value(value, Line(mark));
      if (!open_.empty() && open_.back() == State::kBeforeValue) open_.back() = State::kBeforeKey;
    }
    StopOnError();
  }

  ConfigTreeBuilder& tree_;
  int documents_ = 0;
  std::vector<State> open_;
  std::map<YAML::anchor_t, ConfigValue> scalars_;
};

void Feed(const std::string& text, ConfigTreeBuilder& tree) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeFeeder feeder(tree);
    while (parser.HandleNextDocument(feeder)) {
    }
  } catch (const Stop&) {
    return;
  } catch (const YAML::Exception& e) {
    tree.Fail(e.mark.is_null() ? 0 : e.mark.line + 1,
              absl::StrCat("found ", Quoted(e.msg, 60), ", expected valid YAML"));
  } catch (const std::exception&) {
    tree.Fail(0, "found text that can't be parsed, expected valid YAML");
  }
}

}  // namespace

absl::StatusOr<std::vector<ConfigEntry>> ParseYamlConfig(const std::string& source,
                                                         const std::string& text) {
  ConfigTreeBuilder tree(source);
  if (text.size() > kLargestFile) {
    tree.Fail(0, absl::StrCat("found ", text.size(), " bytes, expected at most ", kLargestFile));
  } else if (!IsUtf8(text)) {
    tree.Fail(0, "found bytes that aren't UTF-8, expected YAML in UTF-8");
  } else if (text.find('\0') != std::string::npos) {
    tree.Fail(0, "found a zero byte, expected YAML text");
  } else {
    Feed(text, tree);
  }
  if (!tree.status().ok()) return tree.status();
  return tree.entries();
}

}  // namespace draftp
