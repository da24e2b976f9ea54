// What a pickle's values are, in words, and how dicts are looked into.
#ifndef DRAFTP_CHECKPOINT_PICKLE_VALUE_H_
#define DRAFTP_CHECKPOINT_PICKLE_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace draftp {

enum class PickleKind : uint8_t {
  kNone,
  kBool,        // number
  kInt,         // number
  kLong,        // text: two's complement, little-endian, more than 8 bytes
  kFloat,       // its value isn't kept
  kText,        // text
  kBytes,       // text
  kTuple,       // items
  kList,        // items; sets, too
  kDict,        // items: key, value, key, value, ..; collections.OrderedDict, too
  kGlobal,      // text: "module.name" of a class or function
  kCall,        // items: the kGlobal and its tuple of arguments, of functions that are kept
  kPersistent,  // items: the id of what lies outside the pickle
  kSkipped,     // text: of which global it was made, or what it is
};

// A value's place in Pickle::values.
using PickleId = uint32_t;

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t number = 0;
  std::string_view text = {};
  std::vector<PickleId> items = {};
};

// Values may be shared and may hold themselves, as in Python: walk them to a fixed depth.
struct Pickle {
  std::vector<PickleValue> values;
  PickleId top = 0;
  size_t size = 0;  // bytes of the pickle, which other data may follow
  std::shared_ptr<const std::set<std::string>> globals = nullptr;  // whose names texts view

  const PickleValue& operator[](PickleId id) const { return values[id]; }
  const PickleValue& root() const { return values[top]; }
};

// "a dict", "os.system", ..: what a value is, for messages.
std::string DescribePickleValue(const PickleValue& value);

// The value under the text `key` of a kDict; none where there isn't one. The last one counts.
std::optional<PickleId> FindInDict(const Pickle& pickle, const PickleValue& dict,
                                   std::string_view key);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_PICKLE_VALUE_H_
