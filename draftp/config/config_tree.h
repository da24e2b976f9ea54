// Flattens the nested maps of a YAML or JSON file, event by event, into dotted keys, within fixed
// limits.
#ifndef DRAFTP_CONFIG_CONFIG_TREE_H_
#define DRAFTP_CONFIG_CONFIG_TREE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"

namespace draftp {

// Feed it a document's events in order, lines from 1 or 0 where there are none; after the first
// error it ignores the rest, and `status()` has the error. Lists of scalars become one value; a
// list that holds lists or maps becomes kNested, its inside dropped. Limits: depth 32, 10000
// values, 1 KiB a dotted key. A key given twice is an error.
class ConfigTreeBuilder {
 public:
  explicit ConfigTreeBuilder(std::string source) : source_(std::move(source)) {}

  void BeginMap(int line);
  void Key(const std::string& key, int line);  // before each value of a map
  void EndMap();
  void BeginList(int line);
  void EndList();
  void Value(const ConfigValue& value, int line);  // anything but a list or a map
  void Fail(int line, const std::string& problem);

  const absl::Status& status() const { return status_; }
  const std::vector<ConfigEntry>& entries() const { return entries_; }

 private:
  struct Level {
    bool is_list = false;
    int line = 0;
    std::string prefix = {};          // dotted path of the map, with the final dot
    std::string key = {};             // of the value to come
    std::set<std::string> keys = {};  // seen in this map
  };

  bool Open(int line, bool is_list);  // false: inside a nested list, or too deep
  bool Count(int line);
  void Emit(const ConfigValue& value, int line);

  std::string source_;
  absl::Status status_;
  std::vector<Level> levels_;
  int nested_ = 0;  // open maps and lists inside a list
  size_t count_ = 0;
  ConfigValue list_;
  std::map<std::string, int> lines_;  // where each dotted key stands
  std::vector<ConfigEntry> entries_;
};

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_TREE_H_
