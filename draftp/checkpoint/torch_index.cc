#include "draftp/checkpoint/torch_index.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/pickle.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

// torch.save's 0x1950a86a20f9469cfc6c, as LONG1 has it, and the version that follows.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kLegacyVersion = 1001;
constexpr char kExpected[] = "expected a file that torch.save wrote";

absl::Status Bad(const std::string& found, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat("found ", found, ", expected ", expected));
}

template <class Located>
absl::StatusOr<TorchIndex> IndexOf(const Pickle& pickle, const Located& locate) {
  absl::StatusOr<TorchTensors> found = FindTorchTensors(pickle);
  if (!found.ok()) return found.status();
  TorchIndex index{.tensors = {}, .others = std::move(found->others)};
  for (auto& [name, tensor] : found->tensors) {
    const absl::StatusOr<ZipEntry> data = locate(tensor.storage);
    if (!data.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", Quoted(name), ": ", std::string(data.status().message())));
    }
    index.tensors.emplace(name, TorchEntry{std::move(tensor), *data});
  }
  return index;
}

// NAME/ of the one NAME/data.pkl.
absl::StatusOr<std::string> RootOf(const ZipDirectory& directory) {
  std::optional<std::string> root;
  for (const auto& [name, entry] : directory) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    if (root) return Bad("several data.pkl in the archive", "one");
    root = name.substr(0, slash + 1);
  }
  if (!root)
    return absl::InvalidArgumentError(
        absl::StrCat("found a zip archive without NAME/data.pkl, ", kExpected));
  if (directory.contains(*root + "constants.pkl"))
    return absl::InvalidArgumentError(
        "found a TorchScript program, expected tensors by name that torch.save wrote");
  return *root;
}

absl::StatusOr<TorchIndex> ParseZip(std::span<const std::byte> file) {
  const absl::StatusOr<ZipDirectory> directory = ReadZipDirectory(file);
  if (!directory.ok()) return directory.status();
  const absl::StatusOr<std::string> root = RootOf(*directory);
  if (!root.ok()) return root.status();
  if (const auto order = directory->find(*root + "byteorder"); order != directory->end()) {
    constexpr uint64_t kLongest = 100;
    const absl::StatusOr<std::string> text = ReadZipEntry(file, order->second, kLongest);
    if (!text.ok() || *text != "little")
      return Bad("byte order " + (text.ok() ? Quoted(*text, 20) : "unknown"), "little");
  }
  const absl::StatusOr<std::string> bytes =
      ReadZipEntry(file, directory->at(*root + "data.pkl"), kMaxPickle);
  if (!bytes.ok())
    return absl::InvalidArgumentError(absl::StrCat("data.pkl: ", bytes.status().message()));
  const absl::StatusOr<Pickle> pickle = ReadPickle(std::as_bytes(std::span(*bytes)), BuildsTensor);
  if (!pickle.ok()) return pickle.status();
  return IndexOf(*pickle, [&](const TorchStorage& storage) -> absl::StatusOr<ZipEntry> {
    const std::string name = absl::StrCat(*root, "data/", storage.key);
    const auto entry = directory->find(name);
    if (entry == directory->end())
      return Bad("no zip entry " + Quoted(name), "the tensor's data there");
    if (entry->second.size != storage.size) {
      return Bad(absl::StrCat(entry->second.size, " bytes in zip entry ", Quoted(name)),
                 absl::StrCat(storage.size));
    }
    return entry->second;
  });
}

// Reads the pickles of the old format in turn.
class LegacyReader {
 public:
  explicit LegacyReader(std::span<const std::byte> file) : file_(file) {}

  absl::StatusOr<TorchIndex> Read() {
    if (absl::Status head = ReadHead(); !head.ok()) return head;
    absl::StatusOr<Pickle> object = Next();
    if (!object.ok()) return object.status();
    if (absl::Status read = CollectStorages(*object); !read.ok()) return read;
    const absl::StatusOr<Pickle> keys = Next();
    if (!keys.ok()) return keys.status();
    if (absl::Status read = FindData(*keys); !read.ok()) return read;
    return IndexOf(*object, [this](const TorchStorage& storage) -> absl::StatusOr<ZipEntry> {
      const auto found = data_.find(storage.key);
      if (found == data_.end())
        return Bad("no storage " + Quoted(storage.key, 40), "it in the file");
      return found->second;
    });
  }

 private:
  absl::StatusOr<Pickle> Next() {
    absl::StatusOr<Pickle> pickle = ReadPickle(file_.subspan(position_), BuildsTensor);
    if (pickle.ok()) position_ += pickle->size;
    return pickle;
  }

  absl::Status ReadHead() {
    const absl::StatusOr<Pickle> magic = Next();
    if (!magic.ok() || magic->root().kind != PickleKind::kLong || magic->root().text != kMagic) {
      return absl::InvalidArgumentError(
          absl::StrCat("found neither a zip archive nor torch.save's magic number, ", kExpected));
    }
    const absl::StatusOr<Pickle> version = Next();
    if (!version.ok()) return version.status();
    if (version->root().kind != PickleKind::kInt || version->root().number != kLegacyVersion) {
      return Bad("version " + (version->root().kind == PickleKind::kInt
                                   ? absl::StrCat(version->root().number)
                                   : DescribePickleValue(version->root())),
                 absl::StrCat(kLegacyVersion));
    }
    const absl::StatusOr<Pickle> system = Next();
    if (!system.ok()) return system.status();
    const auto little = FindInDict(*system, system->root(), "little_endian");
    if (!little || (*system)[*little].kind != PickleKind::kBool || (*system)[*little].number != 1)
      return Bad("another byte order than \"little_endian\": True", "that");
    return absl::OkStatus();
  }

  // Sizes of all storages, also of what no tensor of the result lies in: their data follow each
  // other.
  absl::Status CollectStorages(const Pickle& object) {
    for (const PickleValue& value : object.values) {
      if (value.kind != PickleKind::kPersistent) continue;
      absl::StatusOr<TorchStorage> storage = ReadTorchStorage(object, value);
      if (!storage.ok()) continue;  // what asks for it says why
      const auto [known, added] = storages_.emplace(storage->key, *storage);
      if (!added && (known->second.size != storage->size || known->second.dtype != storage->dtype))
        return Bad("storage " + Quoted(storage->key, 40) + " with two sizes or types", "one");
    }
    return absl::OkStatus();
  }

  absl::Status FindData(const Pickle& keys) {
    if (keys.root().kind != PickleKind::kList)
      return Bad(DescribePickleValue(keys.root()), "a list of storages");
    constexpr uint64_t kCount = 8;  // bytes of the number of elements
    for (const PickleId id : keys.root().items) {
      const auto known = keys[id].kind == PickleKind::kText
                             ? storages_.find(std::string(keys[id].text.substr(0, 200)))
                             : storages_.end();
      if (known == storages_.end())
        return Bad("a storage that nothing refers to", "storages of the tensors");
      const TorchStorage& storage = known->second;
      const uint64_t left = file_.size() - position_;
      if (left < kCount || left - kCount < storage.size) {
        return Bad(absl::StrCat(left, " bytes for storage ", Quoted(storage.key, 40)),
                   absl::StrCat(storage.size, " and ", kCount, " of their count"));
      }
      uint64_t count = 0;
      std::memcpy(&count, file_.data() + position_, kCount);
      const uint64_t elements = storage.size / c10::elementSize(storage.dtype);
      if (count != elements) {
        return Bad(absl::StrCat(count, " elements of storage ", Quoted(storage.key, 40)),
                   absl::StrCat(elements));
      }
      const ZipEntry data{
          .begin = position_ + kCount, .stored = storage.size, .size = storage.size};
      if (!data_.emplace(storage.key, data).second)
        return Bad("storage " + Quoted(storage.key, 40) + " twice", "once");
      position_ += kCount + storage.size;
    }
    return absl::OkStatus();
  }

  std::span<const std::byte> file_;
  size_t position_ = 0;
  std::map<std::string, TorchStorage> storages_;
  std::map<std::string, ZipEntry> data_;
};

}  // namespace

absl::StatusOr<TorchIndex> ParseTorchIndex(const std::string& path,
                                           std::span<const std::byte> file) {
  const std::string_view head(reinterpret_cast<const char*>(file.data()),
                              std::min<size_t>(file.size(), 4));
  absl::StatusOr<TorchIndex> index =
      head.starts_with("PK") ? ParseZip(file) : LegacyReader(file).Read();
  if (index.ok()) return index;
  return absl::Status(index.status().code(),
                      absl::StrCat(Printable(path, 4096), ": ", index.status().message()));
}

}  // namespace draftp
