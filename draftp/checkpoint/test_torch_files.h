// Pickles and zip archives of this room's tests, also such as no program writes.
#ifndef DRAFTP_CHECKPOINT_TEST_TORCH_FILES_H_
#define DRAFTP_CHECKPOINT_TEST_TORCH_FILES_H_

#include <ATen/core/Tensor.h>
#include <zlib.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace draftp::testing {

// Little-endian.
inline std::string Bytes(uint64_t number, size_t width) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i)
    bytes += i < sizeof(number) ? static_cast<char>(number >> (8 * i)) : '\0';
  return bytes;
}

// Opcodes that leave one value on the stack.
inline std::string PText(const std::string& text) { return "X" + Bytes(text.size(), 4) + text; }
inline std::string PInt(int64_t number) {
  return "\x8a\x08" + Bytes(static_cast<uint64_t>(number), 8);
}
inline std::string PGlobal(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string PTuple(const std::vector<std::string>& items) {
  std::string all = "(";
  for (const std::string& item : items) all += item;
  return all + "t";
}
inline std::string PInts(const std::vector<int64_t>& numbers) {
  std::vector<std::string> items;
  for (const int64_t number : numbers) items.push_back(PInt(number));
  return PTuple(items);
}
inline std::string PCall(const std::string& function, const std::vector<std::string>& arguments) {
  return function + PTuple(arguments) + "R";
}
inline std::string PDict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string all = "}(";
  for (const auto& [name, value] : items) all += PText(name) + value;
  return all + "u";
}
inline std::string PStorage(const std::string& type, const std::string& key, int64_t elements) {
  return PTuple(
             {PText("storage"), PGlobal("torch", type), PText(key), PText("cpu"), PInt(elements)}) +
         "Q";
}
inline std::string PTensor(const std::string& storage, int64_t offset,
                           const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  return PCall(PGlobal("torch._utils", "_rebuild_tensor_v2"),
               {storage, PInt(offset), PInts(shape), PInts(strides), "\x89", "}"});
}
// A whole pickle of that value.
inline std::string Pickled(const std::string& value) { return "\x80\x02" + value + "."; }

struct ZipItem {
  std::string name = "";
  std::string data = "";  // as it is stored
  uint64_t method = 0;    // 8 says that it is deflated
  uint64_t size = ~0ULL;  // when unpacked; that of `data` by default
  uint64_t flags = 0;
  std::string local_name = "";  // `name` by default
  int64_t local_header = -1;    // where the directory says that it is; where it is by default
};

// `wide` has sizes and places as 64-bit numbers.
inline std::string Zip(const std::vector<ZipItem>& items, bool wide = false) {
  std::string file, directory;
  const auto number = [wide](uint64_t value) { return Bytes(wide ? 0xffffffff : value, 4); };
  for (const ZipItem& item : items) {
    const uint64_t size = item.size == ~0ULL ? item.data.size() : item.size;
    const uint64_t header = item.local_header < 0 ? file.size() : item.local_header;
    const std::string crc =
        Bytes(crc32(0, reinterpret_cast<const Bytef*>(item.data.data()), item.data.size()), 4);
    const std::string& local = item.local_name.empty() ? item.name : item.local_name;
    const std::string sizes = crc + number(item.data.size()) + number(size);
    const std::string middle = Bytes(item.flags, 2) + Bytes(item.method, 2) + Bytes(0, 4) + sizes;
    file += Bytes(0x04034b50, 4) + Bytes(45, 2) + middle + Bytes(local.size(), 2) + Bytes(0, 2) +
            local + item.data;
    const std::string extra = Bytes(0x6375, 2) + Bytes(1, 2) + "x" + Bytes(1, 2) + Bytes(24, 2) +
                              Bytes(size, 8) + Bytes(item.data.size(), 8) + Bytes(header, 8);
    directory += Bytes(0x02014b50, 4) + Bytes(45, 2) + Bytes(45, 2) + middle +
                 Bytes(item.name.size(), 2) + Bytes(wide ? extra.size() : 0, 2) + Bytes(0, 10) +
                 number(header) + item.name + (wide ? extra : "");
  }
  const uint64_t begin = file.size(), count = items.size();
  file += directory;
  if (wide) {
    const uint64_t end64 = file.size();
    file += Bytes(0x06064b50, 4) + Bytes(44, 8) + Bytes(45, 2) + Bytes(45, 2) + Bytes(0, 8) +
            Bytes(count, 8) + Bytes(count, 8) + Bytes(directory.size(), 8) + Bytes(begin, 8);
    file += Bytes(0x07064b50, 4) + Bytes(0, 4) + Bytes(end64, 8) + Bytes(1, 4);
  }
  return file + Bytes(0x06054b50, 4) + Bytes(0, 4) + Bytes(count, 2) + Bytes(count, 2) +
         number(directory.size()) + number(begin) + Bytes(0, 2);
}

// What torch.save would write of the opcodes `value`, with these storages' data by key.
inline std::string TorchZip(const std::string& value,
                            const std::vector<std::pair<std::string, std::string>>& storages,
                            const std::string& byte_order = "little") {
  std::vector<ZipItem> items = {{.name = "archive/data.pkl", .data = Pickled(value)},
                                {.name = "archive/byteorder", .data = byte_order}};
  for (const auto& [key, data] : storages)
    items.push_back({.name = "archive/data/" + key, .data = data});
  return Zip(items);
}

// A state_dict of contiguous float32 and float16 tensors, as torch.save would write it.
inline std::string TorchStateDict(const std::map<std::string, at::Tensor>& tensors) {
  std::vector<std::pair<std::string, std::string>> values, storages;
  for (const auto& [name, tensor] : tensors) {
    const std::string key = std::to_string(storages.size());
    const char* const type = tensor.scalar_type() == at::kHalf ? "HalfStorage" : "FloatStorage";
    values.emplace_back(name, PTensor(PStorage(type, key, tensor.numel()), 0, tensor.sizes().vec(),
                                      tensor.strides().vec()));
    storages.emplace_back(
        key, std::string(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()));
  }
  return TorchZip(PDict(values), storages);
}

}  // namespace draftp::testing

#endif  // DRAFTP_CHECKPOINT_TEST_TORCH_FILES_H_
