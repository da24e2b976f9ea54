#include "draftp/checkpoint/pickle_value.h"

#include "draftp/io/printable.h"

namespace draftp {

std::string DescribePickleValue(const PickleValue& value) {
  switch (value.kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return "a boolean";
    case PickleKind::kInt:
    case PickleKind::kLong:
    case PickleKind::kFloat:
      return "a number";
    case PickleKind::kText:
      return "a text";
    case PickleKind::kBytes:
      return "bytes";
    case PickleKind::kTuple:
      return "a tuple";
    case PickleKind::kList:
      return "a list";
    case PickleKind::kDict:
      return "a dict";
    case PickleKind::kCall:
      return "a tensor";
    case PickleKind::kPersistent:
      return "a storage";
    case PickleKind::kGlobal:
    case PickleKind::kSkipped:
      break;
  }
  return value.text.empty() ? "an object" : Printable(value.text, 60);
}

std::optional<PickleId> FindInDict(const Pickle& pickle, const PickleValue& dict,
                                   std::string_view key) {
  std::optional<PickleId> found;
  for (size_t i = 0; dict.kind == PickleKind::kDict && i + 1 < dict.items.size(); i += 2) {
    const PickleValue& name = pickle[dict.items[i]];
    if (name.kind == PickleKind::kText && name.text == key) found = dict.items[i + 1];
  }
  return found;
}

}  // namespace draftp
