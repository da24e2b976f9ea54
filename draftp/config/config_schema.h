// What a program's configuration accepts: the rows of its table, and which row a key of a source
// means.
#ifndef DRAFTP_CONFIG_CONFIG_SCHEMA_H_
#define DRAFTP_CONFIG_CONFIG_SCHEMA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/config/config_value.h"

namespace draftp {

// One row. `key` is its name everywhere: flag `--key`, YAML and JSON `key: 1`, override `key=1`.
struct ConfigField {
  // Of a flag typed several times: the last counts, each adds as a comma does, or each is an item.
  enum class Repeat : uint8_t { kLast, kAdds, kItems };

  std::string key = {};
  std::vector<std::string> original_keys = {};  // dotted paths of the original's configuration
  std::string value_name = {};                  // as --help shows it: `N`, `FILE`, `TEXT`
  std::string unit = {};                        // `steps`, `pixels`; empty: none
  std::string help = {};                        // one sentence, no full stop
  std::string default_text = {};                // filled by ConfigTable unless given
  std::string group = {};                       // filled by ConfigTable
  std::string expected = {};                // `an integer from 1 to 10000`; filled by ConfigTable
  std::vector<std::string> elsewhere = {};  // flags of other programs, answered with this one
  Repeat repeat = Repeat::kLast;
  std::string once = {};     // why it can't be typed twice; empty: it can
  bool common = false;       // stands in the short --help
  bool is_switch = false;    // `--key` alone means true, `--nokey` false
  bool allow_empty = false;  // an empty text is a value
};

// Keys of the original that have no row: ignored with a notice, refused by name, or accepted with
// the only values that draftp computes. A pattern is a dotted key or, ending in `.*`, all below it.
struct ConfigRule {
  enum class Kind : uint8_t { kIgnored, kRefused, kOnly };

  Kind kind = Kind::kIgnored;
  std::vector<std::string> patterns = {};
  std::string note = {};                   // why, or what to use instead; a clause
  std::vector<std::string> accepted = {};  // of kOnly
};

struct ConfigExample {
  std::string command = {};
  std::string meaning = {};
};

struct ConfigSchema {
  std::string program = {};  // `anneal`
  std::string summary = {};  // what the program does, for --help
  std::vector<ConfigExample> examples = {};
  std::vector<ConfigField> fields = {};
  std::vector<ConfigRule> rules = {};  // the first that matches counts
  // Another program's file is known by a key that this one hasn't; `note` says what to do with it.
  struct Sibling {
    std::string program = {};
    std::string key = {};
    std::string note = {};
  };
  Sibling sibling = {};
};

// One key with its value, as a source has it. `where` starts messages: `run.yaml:3: steps`,
// `--steps`.
struct ConfigEntry {
  std::string key = {};
  std::string where = {};
  ConfigValue value = {};
};

// One row's new value; kNull asks for the default.
struct ConfigSetting {
  size_t field = 0;  // index into ConfigSchema::fields
  std::string where = {};
  ConfigValue value = {};
};

struct ConfigSettings {
  std::vector<ConfigSetting> settings = {};
  std::vector<std::string> notices = {};  // a line for the user each
};

// The rows that one source's entries set, in the source's order. An unknown key (the message gives
// the nearest valid one), a refused key, and a row set twice (by whatever spellings) are
// InvalidArgument. Null values of keys without a row are nobody's setting and pass. `source` starts
// the notices.
absl::StatusOr<ConfigSettings> ResolveEntries(const ConfigSchema& schema, const std::string& source,
                                              const std::vector<ConfigEntry>& entries);

// The candidate that most resembles `name`: edit distance (a swap of neighbours counts one, case
// and `-` for `_` nothing) of at most 2 or a third of the name; a candidate that begins with `name`
// is near. Empty where none is.
std::string NearestKey(const std::string& name, const std::vector<std::string>& candidates);

// Whether `key` falls under `pattern` (see ConfigRule).
bool MatchesPattern(const std::string& key, const std::string& pattern);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_SCHEMA_H_
