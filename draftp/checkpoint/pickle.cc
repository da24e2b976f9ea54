// Runs a pickle's opcodes on a PickleMachine.
#include "draftp/checkpoint/pickle.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/pickle_machine.h"
#include "draftp/checkpoint/pickle_opcodes.h"

namespace draftp {
namespace {

using namespace pickle_opcodes;  // NOLINT(google-build-using-namespace): a switch's labels

constexpr uint64_t kNewestProtocol = 5;
constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// Whether `line` is nothing but a decimal number that fits.
template <class T>
bool Decimal(std::string_view line, T& number) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  return error == std::errc() && end == line.data() + line.size();
}

class PickleRunner {
 public:
  PickleRunner(std::span<const std::byte> bytes, bool (*keeps)(std::string_view global))
      : machine_(bytes), keeps_(keeps) {}

  absl::StatusOr<Pickle> Run() {
    while (machine_.ok()) {
      const auto op = static_cast<uint8_t>(machine_.Number(1));
      if (!machine_.ok()) break;
      if (op == kStop) return Stop();
      if (!Atom(op) && !Text(op) && !Container(op) && !StackAndMemo(op) && !Object(op))
        machine_.Fail(absl::StrCat("found opcode ", op, ", expected one of protocols 0 to 5"));
    }
    return absl::InvalidArgumentError(machine_.error());
  }

 private:
  absl::StatusOr<Pickle> Stop() {
    Pickle pickle;
    pickle.top = machine_.Pop();
    if (!machine_.ok()) return absl::InvalidArgumentError(machine_.error());
    pickle.size = machine_.position();
    pickle.values = machine_.TakeValues();
    pickle.globals = globals_;
    return pickle;
  }

  void Push(PickleValue value) { machine_.Push(machine_.Make(std::move(value))); }
  void PushInt(int64_t number) { Push({.kind = PickleKind::kInt, .number = number}); }
  void PushBool(bool value) { Push({.kind = PickleKind::kBool, .number = value ? 1 : 0}); }
  void PushText(PickleKind kind, std::string_view text) {
    machine_.Push(machine_.MakeText(kind, text));
  }
  void PushSkipped(std::string_view what) { PushText(PickleKind::kSkipped, what); }

  // Two's complement, little-endian, of any length.
  void PushLong(std::string_view bytes) {
    if (bytes.size() > 8) return PushText(PickleKind::kLong, bytes);
    uint64_t number = !bytes.empty() && bytes.back() < 0 ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;)
      number = number << 8 | static_cast<unsigned char>(bytes[i]);
    PushInt(static_cast<int64_t>(number));
  }

  // Decimal, by a line of its own, of protocol 0.
  void PushDecimal(std::string_view line) {
    if (line == "00" || line == "01") return PushBool(line == "01");
    if (line.ends_with('L')) line.remove_suffix(1);
    int64_t number = 0;
    if (Decimal(line, number)) return PushInt(number);
    PushSkipped("a number beyond 64 bits");
  }

  bool Atom(uint8_t op) {
    switch (op) {
      case kNone:
        return Push({}), true;
      case kNewTrue:
        return PushBool(true), true;
      case kNewFalse:
        return PushBool(false), true;
      case kBinInt1:
        return PushInt(static_cast<int64_t>(machine_.Number(1))), true;
      case kBinInt2:
        return PushInt(static_cast<int64_t>(machine_.Number(2))), true;
      case kBinInt:
        return PushInt(static_cast<int32_t>(machine_.Number(4))), true;
      case kLong1:
        return PushLong(machine_.Take(machine_.Number(1))), true;
      case kLong4:
        return PushLong(machine_.Take(machine_.Number(4))), true;
      case kInt:
      case kLong:
        return PushDecimal(machine_.Line()), true;
      case kBinFloat:
        return machine_.Take(8), Push({.kind = PickleKind::kFloat}), true;
      case kFloat:
        return machine_.Line(), Push({.kind = PickleKind::kFloat}), true;
      default:
        return false;
    }
  }

  // A line of protocol 0: plain characters between the quotes, where it has them.
  void PushLine(std::string_view line, bool quoted) {
    if (quoted && line.size() >= 2 && line.front() == line.back())
      line = line.substr(1, line.size() - 2);
    if (line.find('\\') != std::string_view::npos) return PushSkipped("a text with escapes");
    PushText(PickleKind::kText, line);
  }

  bool Text(uint8_t op) {
    const auto push = [this](PickleKind kind, size_t width) {
      PushText(kind, machine_.Take(machine_.Number(width)));
      return true;
    };
    switch (op) {
      case kShortBinUnicode:
      case kShortBinString:
        return push(PickleKind::kText, 1);
      case kBinUnicode:
      case kBinString:
        return push(PickleKind::kText, 4);
      case kBinUnicode8:
        return push(PickleKind::kText, 8);
      case kShortBinBytes:
        return push(PickleKind::kBytes, 1);
      case kBinBytes:
        return push(PickleKind::kBytes, 4);
      case kBinBytes8:
      case kByteArray8:
        return push(PickleKind::kBytes, 8);
      case kString:
        return PushLine(machine_.Line(), true), true;
      case kUnicode:
        return PushLine(machine_.Line(), false), true;
      default:
        return false;
    }
  }

  void PushItems(PickleKind kind, std::vector<PickleId> items) {
    if (kind == PickleKind::kDict && items.size() % 2 != 0)
      machine_.Fail("found a key without a value, expected both");
    Push({.kind = kind, .items = std::move(items)});
  }

  void PushTuple(size_t count) {
    std::vector<PickleId> items(count);
    for (size_t i = count; i-- > 0;) items[i] = machine_.Pop();
    PushItems(PickleKind::kTuple, std::move(items));
  }

  // Adds to the list or dict on the stack; what is skipped stays without it.
  void AddTo(PickleKind kind, const std::vector<PickleId>& items) {
    PickleValue& target = machine_.At(machine_.Top());
    if (kind == PickleKind::kDict && items.size() % 2 != 0)
      return machine_.Fail("found a key without a value, expected both");
    if (target.kind == PickleKind::kSkipped || target.kind == PickleKind::kCall) return;
    if (target.kind != kind) {
      return machine_.Fail(absl::StrCat("found ", DescribePickleValue(target), ", expected a ",
                                        kind == PickleKind::kDict ? "dict" : "list"));
    }
    if (machine_.Count(items.size()))
      target.items.insert(target.items.end(), items.begin(), items.end());
  }

  bool Container(uint8_t op) {
    switch (op) {
      case kEmptyTuple:
        return PushTuple(0), true;
      case kTuple1:
        return PushTuple(1), true;
      case kTuple2:
        return PushTuple(2), true;
      case kTuple3:
        return PushTuple(3), true;
      case kTuple:
        return PushItems(PickleKind::kTuple, machine_.PopToMark()), true;
      case kEmptySet:
      case kEmptyList:
        return PushItems(PickleKind::kList, {}), true;
      case kFrozenSet:
      case kList:
        return PushItems(PickleKind::kList, machine_.PopToMark()), true;
      case kEmptyDict:
        return PushItems(PickleKind::kDict, {}), true;
      case kDict:
        return PushItems(PickleKind::kDict, machine_.PopToMark()), true;
      case kAppend:
        return AddTo(PickleKind::kList, {machine_.Pop()}), true;
      case kAddItems:
      case kAppends:
        return AddTo(PickleKind::kList, machine_.PopToMark()), true;
      case kSetItems:
        return AddTo(PickleKind::kDict, machine_.PopToMark()), true;
      case kSetItem: {
        const PickleId value = machine_.Pop();
        const PickleId key = machine_.Pop();
        return AddTo(PickleKind::kDict, {key, value}), true;
      }
      default:
        return false;
    }
  }

  uint64_t DecimalPlace() {
    uint64_t place = 0;
    if (!Decimal(machine_.Line(), place))
      machine_.Fail("found a line that is no place of the memo, expected one");
    return place;
  }

  bool StackAndMemo(uint8_t op) {
    switch (op) {
      case kMark:
        return machine_.Mark(), true;
      case kPop:
        return machine_.AtMark() ? void(machine_.PopToMark()) : void(machine_.Pop()), true;
      case kPopMark:
        return machine_.PopToMark(), true;
      case kDup:
        return machine_.Push(machine_.Top()), true;
      case kPut:
        return machine_.Put(DecimalPlace()), true;
      case kBinPut:
        return machine_.Put(machine_.Number(1)), true;
      case kLongBinPut:
        return machine_.Put(machine_.Number(4)), true;
      case kMemoize:
        return machine_.PutNext(), true;
      case kGet:
        return machine_.Get(DecimalPlace()), true;
      case kBinGet:
        return machine_.Get(machine_.Number(1)), true;
      case kLongBinGet:
        return machine_.Get(machine_.Number(4)), true;
      case kFrame:
        return machine_.Number(8), true;  // opcodes follow, whatever it says
      case kProto:
        if (const uint64_t protocol = machine_.Number(1); protocol > kNewestProtocol) {
          machine_.Fail(
              absl::StrCat("found protocol ", protocol, ", expected 0 to ", kNewestProtocol));
        }
        return true;
      default:
        return false;
    }
  }

  void PushGlobal(std::string_view module, std::string_view name) {
    const std::string& global =
        *globals_->insert(std::string(module) + "." + std::string(name)).first;
    PushText(PickleKind::kGlobal, global);
  }

  void StackGlobal() {
    const PickleId name_id = machine_.Pop();
    const PickleId module_id = machine_.Pop();
    const PickleValue& name = machine_.At(name_id);
    const PickleValue& module = machine_.At(module_id);
    if (name.kind != PickleKind::kText || module.kind != PickleKind::kText)
      return machine_.Fail("found a global whose names are no texts, expected texts");
    PushGlobal(module.text, name.text);
  }

  // What calling `function` gives.
  void Call(PickleId function, PickleId arguments) {
    const PickleValue& callee = machine_.At(function);
    if (callee.kind == PickleKind::kSkipped) return PushSkipped(callee.text);
    if (callee.kind != PickleKind::kGlobal) {
      return machine_.Fail(absl::StrCat("found a call of ", DescribePickleValue(callee),
                                        ", expected one of a function or class"));
    }
    if (callee.text == kOrderedDict) return PushOrderedDict(arguments);
    if (!keeps_(callee.text) || machine_.At(arguments).kind != PickleKind::kTuple)
      return PushSkipped(callee.text);
    Push({.kind = PickleKind::kCall, .items = {function, arguments}});
  }

  // OrderedDict(), or OrderedDict([[key, value], ..]) of protocols 0 and 1.
  void PushOrderedDict(PickleId arguments) {
    const std::vector<PickleId>& given = machine_.At(arguments).items;
    std::vector<PickleId> items;
    bool pairs = given.size() <= 1;
    if (given.size() == 1) {
      for (const PickleId id : machine_.At(given[0]).items) {
        const std::vector<PickleId>& pair = machine_.At(id).items;
        pairs = pairs && pair.size() == 2;
        if (!pairs) break;
        items.insert(items.end(), pair.begin(), pair.end());
      }
    }
    if (!pairs) return machine_.Fail("found an OrderedDict of other things, expected pairs");
    PushItems(PickleKind::kDict, std::move(items));
  }

  void PushPersistent(PickleId id) { Push({.kind = PickleKind::kPersistent, .items = {id}}); }

  bool Object(uint8_t op) {
    switch (op) {
      case kGlobal:
      case kInst: {
        const std::string_view module = machine_.Line();
        PushGlobal(module, machine_.Line());
        if (op == kGlobal) return true;
        const PickleId type = machine_.Pop();
        machine_.PopToMark();
        return PushSkipped(machine_.At(type).text), true;
      }
      case kObj: {
        const std::vector<PickleId> items = machine_.PopToMark();
        return PushSkipped(items.empty() ? "an object" : machine_.At(items[0]).text), true;
      }
      case kStackGlobal:
        return StackGlobal(), true;
      case kNewObjEx: {
        machine_.Pop();
        machine_.Pop();
        return PushSkipped(machine_.At(machine_.Pop()).text), true;
      }
      case kNewObj:
      case kReduce: {
        const PickleId arguments = machine_.Pop();
        const PickleId function = machine_.Pop();
        return Call(function, arguments), true;
      }
      case kBuild:
        return machine_.Pop(), machine_.Top(), true;
      case kPersId:
        return PushPersistent(machine_.MakeText(PickleKind::kText, machine_.Line())), true;
      case kBinPersId:
        return PushPersistent(machine_.Pop()), true;
      case kExt1:
        return machine_.Number(1), PushSkipped("an extension's object"), true;
      case kExt2:
        return machine_.Number(2), PushSkipped("an extension's object"), true;
      case kExt4:
        return machine_.Number(4), PushSkipped("an extension's object"), true;
      default:
        return false;
    }
  }

  PickleMachine machine_;
  bool (*keeps_)(std::string_view global);
  std::shared_ptr<std::set<std::string>> globals_ = std::make_shared<std::set<std::string>>();
};

}  // namespace

absl::StatusOr<Pickle> ReadPickle(std::span<const std::byte> bytes,
                                  bool (*keeps)(std::string_view global)) {
  return PickleRunner(bytes.first(std::min(bytes.size(), kMaxPickle)), keeps).Run();
}

}  // namespace draftp
