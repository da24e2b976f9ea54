#include "draftp/checkpoint/torch_tensors.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/printable.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

struct DtypeName {
  std::string_view name;
  at::ScalarType type;
};

// torch.FloatStorage etc., and torch.cuda's, in files of before 1.6.
constexpr std::array<DtypeName, 12> kStorages = {{
    {"DoubleStorage", at::ScalarType::Double},
    {"FloatStorage", at::ScalarType::Float},
    {"HalfStorage", at::ScalarType::Half},
    {"BFloat16Storage", at::ScalarType::BFloat16},
    {"LongStorage", at::ScalarType::Long},
    {"IntStorage", at::ScalarType::Int},
    {"ShortStorage", at::ScalarType::Short},
    {"CharStorage", at::ScalarType::Char},
    {"ByteStorage", at::ScalarType::Byte},
    {"BoolStorage", at::ScalarType::Bool},
    {"ComplexDoubleStorage", at::ScalarType::ComplexDouble},
    {"ComplexFloatStorage", at::ScalarType::ComplexFloat},
}};

// Dtypes of _rebuild_tensor_v3, whose storages are untyped.
constexpr std::array<DtypeName, 8> kNewDtypes = {{
    {"torch.float8_e4m3fn", at::ScalarType::Float8_e4m3fn},
    {"torch.float8_e5m2", at::ScalarType::Float8_e5m2},
    {"torch.float8_e4m3fnuz", at::ScalarType::Float8_e4m3fnuz},
    {"torch.float8_e5m2fnuz", at::ScalarType::Float8_e5m2fnuz},
    {"torch.float8_e8m0fnu", at::ScalarType::Float8_e8m0fnu},
    {"torch.uint16", at::ScalarType::UInt16},
    {"torch.uint32", at::ScalarType::UInt32},
    {"torch.uint64", at::ScalarType::UInt64},
}};

constexpr std::string_view kTensor = "torch._utils._rebuild_tensor",
                           kTensorV2 = "torch._utils._rebuild_tensor_v2",
                           kTensorV3 = "torch._utils._rebuild_tensor_v3",
                           kParameter = "torch._utils._rebuild_parameter",
                           kParameterWithState = "torch._utils._rebuild_parameter_with_state",
                           kFromType = "torch._tensor._rebuild_from_type_v2";
constexpr size_t kMaxRank = 64;  // as many as ATen's operators take

absl::Status Bad(const std::string& found, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat("found ", found, ", expected ", expected));
}

template <size_t N>
std::optional<at::ScalarType> Lookup(const std::array<DtypeName, N>& names, std::string_view name) {
  const auto row =
      std::find_if(names.begin(), names.end(), [&](const DtypeName& d) { return d.name == name; });
  return row == names.end() ? std::nullopt : std::optional(row->type);
}

std::optional<at::ScalarType> StorageDtype(std::string_view name) {
  if (name == "torch.storage.UntypedStorage") return at::ScalarType::Byte;
  for (const std::string_view prefix : {"torch.cuda.", "torch."}) {
    if (name.starts_with(prefix)) return Lookup(kStorages, name.substr(prefix.size()));
  }
  return std::nullopt;
}

// The dimensions or strides that a tuple of numbers says.
absl::StatusOr<std::vector<int64_t>> Numbers(const Pickle& pickle, const PickleValue& tuple,
                                             const std::string& what) {
  if ((tuple.kind != PickleKind::kTuple && tuple.kind != PickleKind::kList) ||
      tuple.items.size() > kMaxRank) {
    return Bad(absl::StrCat("a ", what, " that is ", DescribePickleValue(tuple)),
               absl::StrCat("a tuple of at most ", kMaxRank, " numbers"));
  }
  std::vector<int64_t> numbers;
  for (const PickleId id : tuple.items) {
    const PickleValue& number = pickle[id];
    if (number.kind != PickleKind::kInt || number.number < 0) {
      return Bad(absl::StrCat("a ", what, " with ",
                              number.kind == PickleKind::kInt ? absl::StrCat(number.number)
                                                              : DescribePickleValue(number)),
                 "numbers from 0 to 2^63 - 1");
    }
    numbers.push_back(number.number);
  }
  return numbers;
}

// Elements, with zero dimensions taken as 1, since strides are computed so; none at overflow.
std::optional<int64_t> Elements(const TorchTensor& tensor) {
  auto bytes = static_cast<int64_t>(c10::elementSize(tensor.dtype));
  int64_t count = 1;
  for (const int64_t size : tensor.shape) {
    const int64_t factor = std::max<int64_t>(size, 1);
    if (__builtin_mul_overflow(bytes, factor, &bytes)) return std::nullopt;
    count *= factor;
  }
  return count;
}

absl::Status CheckExtent(TorchTensor& tensor) {
  const uint64_t room = tensor.storage.size / c10::elementSize(tensor.dtype);
  const std::string inside =
      absl::StrCat("it inside a storage of ", room, ", with no more elements");
  const std::string found =
      absl::StrCat("shape ", ShapeText(tensor.shape), ", strides ", ShapeText(tensor.strides),
                   " from element ", tensor.offset);
  const std::optional<int64_t> elements = Elements(tensor);
  if (!elements || tensor.offset > room) return Bad(found, inside);
  if (std::count(tensor.shape.begin(), tensor.shape.end(), 0) > 0) return absl::OkStatus();
  uint64_t last = 0;  // relative to the first
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    uint64_t step = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.shape[i] - 1),
                               static_cast<uint64_t>(tensor.strides[i]), &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return Bad(found, inside);
    }
  }
  if (last >= room - tensor.offset) return Bad(found, inside);
  tensor.extent = last + 1;
  // What shares elements so that it has more of them than there are would grow when it is copied.
  if (static_cast<uint64_t>(*elements) > room) return Bad(found, inside);
  return absl::OkStatus();
}

// The function's name and the arguments of a kCall.
struct CallParts {
  std::string_view function;
  const std::vector<PickleId>& arguments;
};

CallParts PartsOf(const Pickle& pickle, const PickleValue& call) {
  return {pickle[call.items[0]].text, pickle[call.items[1]].items};
}

// Arguments of the call without what was wrapped around it: a parameter's, a subclass's.
absl::StatusOr<CallParts> Unwrap(const Pickle& pickle, const PickleValue& call) {
  constexpr int kMaxWraps = 4;
  const PickleValue* inner = &call;
  for (int i = 0; i < kMaxWraps; ++i) {
    const CallParts parts = PartsOf(pickle, *inner);
    if (parts.function == kFromType) {
      // (function, type, arguments, state)
      if (parts.arguments.size() < 3) break;
      const PickleValue& function = pickle[parts.arguments[0]];
      const PickleValue& arguments = pickle[parts.arguments[2]];
      if (function.kind != PickleKind::kGlobal || arguments.kind != PickleKind::kTuple) break;
      if (function.text == kTensorV2 || function.text == kTensorV3)
        return CallParts{function.text, arguments.items};
      break;
    }
    if (parts.function != kParameter && parts.function != kParameterWithState) return parts;
    if (parts.arguments.empty()) break;
    inner = &pickle[parts.arguments[0]];
    if (inner->kind != PickleKind::kCall) break;
  }
  return Bad("a parameter of other things", "one of a tensor");
}

// Whether a tensor's last argument says that it is to be conjugated or negated.
bool IsLazy(const Pickle& pickle, const PickleValue& metadata) {
  return metadata.kind == PickleKind::kDict &&
         std::any_of(metadata.items.begin(), metadata.items.end(), [&pickle](PickleId id) {
           return pickle[id].kind == PickleKind::kBool && pickle[id].number != 0;
         });
}

}  // namespace

bool BuildsTensor(std::string_view global) {
  return global == kTensor || global == kTensorV2 || global == kTensorV3 || global == kParameter ||
         global == kParameterWithState || global == kFromType;
}

absl::StatusOr<TorchStorage> ReadTorchStorage(const Pickle& pickle, const PickleValue& persistent) {
  // ("storage", type, key, device, elements), and None, or how it views another, before 1.6.
  constexpr size_t kType = 1, kKey = 2, kElements = 4, kView = 5;
  constexpr size_t kMaxKey = 100;  // characters; every tensor has a copy
  if (persistent.kind != PickleKind::kPersistent)
    return Bad(DescribePickleValue(persistent), "a storage");
  const PickleValue& id = pickle[persistent.items[0]];
  if (id.kind != PickleKind::kTuple || id.items.size() <= kElements ||
      pickle[id.items[0]].text != "storage") {
    return Bad("a persistent id that is " + DescribePickleValue(id), "a storage's tuple");
  }
  const PickleValue& type = pickle[id.items[kType]];
  const PickleValue& key = pickle[id.items[kKey]];
  const PickleValue& elements = pickle[id.items[kElements]];
  const std::optional<at::ScalarType> dtype =
      type.kind == PickleKind::kGlobal ? StorageDtype(type.text) : std::nullopt;
  if (!dtype)
    return Bad("storage type " + DescribePickleValue(type), "torch.FloatStorage or another's");
  if (key.kind != PickleKind::kText || key.text.size() > kMaxKey)
    return Bad("a storage's key that is " + DescribePickleValue(key), "a short text");
  if (id.items.size() > kView && pickle[id.items[kView]].kind != PickleKind::kNone)
    return Bad("a storage that is a view of another", "whole ones (save it by a newer PyTorch)");
  TorchStorage storage{.key = std::string(key.text), .dtype = *dtype};
  const auto width = static_cast<int64_t>(c10::elementSize(*dtype));
  int64_t bytes = 0;
  if (elements.kind != PickleKind::kInt || elements.number < 0 ||
      __builtin_mul_overflow(elements.number, width, &bytes)) {
    return Bad(elements.kind == PickleKind::kInt ? absl::StrCat(elements.number, " elements")
                                                 : DescribePickleValue(elements),
               "a storage's number of elements");
  }
  storage.size = static_cast<uint64_t>(bytes);
  return storage;
}

absl::StatusOr<TorchTensor> ReadTorchTensor(const Pickle& pickle, const PickleValue& call) {
  const absl::StatusOr<CallParts> parts = Unwrap(pickle, call);
  if (!parts.ok()) return parts.status();
  const auto& [function, arguments] = *parts;
  // (storage, offset, shape, strides); v2: (.., requires_grad, hooks, metadata);
  // v3: (.., requires_grad, hooks, dtype, metadata).
  constexpr size_t kStorage = 0, kOffset = 1, kShape = 2, kStrides = 3, kV2Metadata = 6, kDtype = 6,
                   kV3Metadata = 7;
  const bool v3 = function == kTensorV3;
  const size_t needed = v3 ? kDtype + 1 : kStrides + 1;
  if (arguments.size() < needed) {
    return Bad(absl::StrCat(arguments.size(), " arguments of ", std::string(function)),
               absl::StrCat(needed, " at least"));
  }
  absl::StatusOr<TorchStorage> storage = ReadTorchStorage(pickle, pickle[arguments[kStorage]]);
  if (!storage.ok()) return storage.status();
  TorchTensor tensor{.storage = *std::move(storage)};
  tensor.dtype = tensor.storage.dtype;
  if (v3) {
    const PickleValue& named = pickle[arguments[kDtype]];
    const std::optional<at::ScalarType> dtype = Lookup(kNewDtypes, named.text);
    if (!dtype || named.kind != PickleKind::kGlobal ||
        tensor.storage.dtype != at::ScalarType::Byte) {
      return Bad("dtype " + DescribePickleValue(named), "float8 or an unsigned one");
    }
    tensor.dtype = *dtype;
  }
  const size_t metadata = v3 ? kV3Metadata : kV2Metadata;
  if (arguments.size() > metadata && IsLazy(pickle, pickle[arguments[metadata]]))
    return Bad("a conjugate or negative that is yet to be computed", "plain values");
  const PickleValue& offset = pickle[arguments[kOffset]];
  if (offset.kind != PickleKind::kInt || offset.number < 0)
    return Bad("a place in the storage that is no number from 0 on", "one");
  tensor.offset = static_cast<uint64_t>(offset.number);
  auto shape = Numbers(pickle, pickle[arguments[kShape]], "shape");
  if (!shape.ok()) return shape.status();
  auto strides = Numbers(pickle, pickle[arguments[kStrides]], "list of strides");
  if (!strides.ok()) return strides.status();
  tensor.shape = *std::move(shape);
  tensor.strides = *std::move(strides);
  if (tensor.strides.size() != tensor.shape.size()) {
    return Bad(absl::StrCat(tensor.strides.size(), " strides of shape ", ShapeText(tensor.shape)),
               "as many as dimensions");
  }
  if (absl::Status inside = CheckExtent(tensor); !inside.ok()) return inside;
  return tensor;
}

namespace {

// Whether a value is a dict with tensors; each is looked at once, however often it is asked for.
class TensorHolders {
 public:
  explicit TensorHolders(const Pickle& pickle) : pickle_(pickle) {}

  bool Holds(PickleId id) {
    const auto [known, fresh] = known_.emplace(id, false);
    const PickleValue& dict = pickle_[id];
    if (!fresh || dict.kind != PickleKind::kDict) return known->second;
    for (size_t i = 1; i < dict.items.size() && !known->second; i += 2)
      known->second = pickle_[dict.items[i]].kind == PickleKind::kCall;
    return known->second;
  }

 private:
  const Pickle& pickle_;
  std::map<PickleId, bool> known_;
};

// The dict that FindTorchTensors takes.
absl::StatusOr<const PickleValue*> FindContainer(const Pickle& pickle) {
  constexpr char kExpected[] = "tensors by name";
  const PickleValue& root = pickle.root();
  if (root.kind == PickleKind::kCall) return Bad("one tensor without a name", kExpected);
  if (root.kind == PickleKind::kSkipped) {
    return absl::InvalidArgumentError(absl::StrCat("holds ", DescribePickleValue(root),
                                                   ", which isn't loaded from pickles; expected ",
                                                   kExpected));
  }
  if (root.kind != PickleKind::kDict) return Bad(DescribePickleValue(root), kExpected);
  TensorHolders tensors(pickle);
  const std::optional<PickleId> state = FindInDict(pickle, root, "state_dict");
  if (state && tensors.Holds(*state)) return &pickle[*state];
  if (tensors.Holds(pickle.top)) return &root;
  std::vector<std::string> holders, keys;
  const PickleValue* only = nullptr;
  for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
    constexpr size_t kNamed = 8;
    const PickleValue& key = pickle[root.items[i]];
    const PickleValue& value = pickle[root.items[i + 1]];
    const std::string name =
        key.kind == PickleKind::kText ? Quoted(key.text, 40) : DescribePickleValue(key);
    const std::string what = value.kind == PickleKind::kSkipped
                                 ? absl::StrCat(" (", DescribePickleValue(value), ")")
                                 : "";
    if (keys.size() < kNamed) keys.push_back(name + what);
    if (!tensors.Holds(root.items[i + 1])) continue;
    only = &value;
    if (holders.size() < kNamed) holders.push_back(name);
  }
  if (holders.size() == 1) return only;
  if (holders.empty()) {
    return Bad(keys.empty() ? "an empty dict" : "no tensors under " + absl::StrJoin(keys, ", "),
               kExpected);
  }
  return Bad("tensors under " + absl::StrJoin(holders, ", "),
             "them under one key, or under state_dict");
}

}  // namespace

absl::StatusOr<TorchTensors> FindTorchTensors(const Pickle& pickle) {
  const absl::StatusOr<const PickleValue*> container = FindContainer(pickle);
  if (!container.ok()) return container.status();
  TorchTensors found;
  const std::vector<PickleId>& items = (*container)->items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleValue& key = pickle[items[i]];
    const PickleValue& value = pickle[items[i + 1]];
    if (key.kind != PickleKind::kText) continue;
    const std::string name(key.text);
    if (found.tensors.size() == kMaxTorchTensors)
      return Bad("more tensors", absl::StrCat("at most ", kMaxTorchTensors));
    const auto error = [&name](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", Quoted(name), ": ", what));
    };
    if (!IsUtf8(name)) return error("found a name that isn't UTF-8, expected UTF-8");
    if (found.tensors.contains(name) || found.others.contains(name))
      return error("found twice, expected once");
    if (value.kind != PickleKind::kCall) {
      found.others[name] = DescribePickleValue(value);
      continue;
    }
    absl::StatusOr<TorchTensor> tensor = ReadTorchTensor(pickle, value);
    if (!tensor.ok()) return error(std::string(tensor.status().message()));
    found.tensors.emplace(name, *std::move(tensor));
  }
  return found;
}

}  // namespace draftp
