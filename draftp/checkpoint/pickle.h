// What a pickle of Python's describes, read without building any of its objects.
//
// Opcodes of protocols 0 to 5 (https://docs.python.org/3/library/pickletools.html). Nothing is
// imported and nothing is called: plain values become values, calls of functions that the reader
// keeps become their name and arguments, and all else becomes a value that only says what it is.
#ifndef DRAFTP_CHECKPOINT_PICKLE_H_
#define DRAFTP_CHECKPOINT_PICKLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

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

// Limits: bytes of one pickle, values in it (and places of its memo and stack), and items of all
// its tuples, lists and dicts together.
inline constexpr size_t kMaxPickle = size_t{64} << 20;
inline constexpr size_t kMaxPickleValues = 2'000'000;
inline constexpr size_t kMaxPickleItems = 8'000'000;

// Reads the pickle that `bytes` begin with; its texts are views of them. `keeps` says of which
// globals ("torch._utils._rebuild_tensor_v2") calls are kept. Memory stays within the limits above,
// whatever lengths the pickle claims. Errors, without the file's name: at which byte, what was
// found, what was expected.
absl::StatusOr<Pickle> ReadPickle(std::span<const std::byte> bytes,
                                  bool (*keeps)(std::string_view global));

// "a dict", "os.system", ..: what a value is, for messages.
std::string DescribePickleValue(const PickleValue& value);

// The value under the text `key` of a kDict; none where there isn't one. The last one counts.
std::optional<PickleId> FindInDict(const Pickle& pickle, const PickleValue& dict,
                                   std::string_view key);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_PICKLE_H_
