// Maps safetensors files, hands out views of them, and writes them.
#include "draftp/checkpoint/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/utf8.h"

namespace draftp {

SafetensorsFile::SafetensorsFile(std::string path, SafetensorsHeader header,
                                 std::shared_ptr<const FileMapping> mapping)
    : path_(std::move(path)), header_(std::move(header)), mapping_(std::move(mapping)) {}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Open(
    const std::string& path) {
  absl::StatusOr<std::shared_ptr<const FileMapping>> mapping = FileMapping::Map(path);
  if (!mapping.ok()) return mapping.status();
  return Of(path, *std::move(mapping));
}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Of(
    const std::string& path, std::shared_ptr<const FileMapping> mapping) {
  absl::StatusOr<SafetensorsHeader> header = ParseSafetensorsHeader(path, mapping->bytes());
  if (!header.ok()) return header.status();
  return std::shared_ptr<const SafetensorsFile>(
      new SafetensorsFile(path, *std::move(header), std::move(mapping)));
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : header_.tensors) names.push_back(name);
  return names;
}

const SafetensorsEntry* SafetensorsFile::Entry(const std::string& name) const {
  const auto found = header_.tensors.find(name);
  return found == header_.tensors.end() ? nullptr : &found->second;
}

const std::vector<int64_t>* SafetensorsFile::Shape(const std::string& name) const {
  const SafetensorsEntry* entry = Entry(name);
  return entry == nullptr ? nullptr : &entry->shape;
}

absl::StatusOr<at::Tensor> SafetensorsFile::Tensor(const std::string& name) const {
  const SafetensorsEntry* entry = Entry(name);
  if (entry == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(Printable(path_, 4096), ": found no tensor ", Quoted(name)));
  }
  const at::TensorOptions options = at::TensorOptions().dtype(entry->dtype);
  std::byte* const data = mapping_->data() + header_.data_begin + entry->begin;
  const std::span<const std::byte> bytes(data, entry->end - entry->begin);
  // A C++ bool that is neither 0 nor 1 is undefined behaviour wherever it is read.
  if (entry->dtype == at::kBool &&
      std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; })) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(path_, 4096), ": tensor ",
                                                   Quoted(name),
                                                   ": found a BOOL above 1, expected 0 or 1"));
  }
  if (bytes.empty()) return at::empty(entry->shape, options);
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(entry->dtype) != 0) {
    at::Tensor copy = at::empty(entry->shape, options);
    std::memcpy(copy.data_ptr(), bytes.data(), bytes.size());
    return copy;
  }
  return at::from_blob(data, entry->shape, [mapping = mapping_](void*) {}, options);
}

absl::Status WriteSafetensors(const std::string& path,
                              const std::map<std::string, at::Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::map<std::string, TensorToWrite> to_write;
  for (const auto& [name, tensor] : tensors)
    to_write[name] = {tensor.scalar_type(), tensor.sizes().vec(), [&tensor] { return tensor; }};
  return WriteSafetensorsOneByOne(path, to_write, metadata);
}

absl::Status WriteSafetensorsOneByOne(const std::string& path,
                                      const std::map<std::string, TensorToWrite>& tensors,
                                      const std::map<std::string, std::string>& metadata) {
  const auto error = [&path](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": ", what));
  };
  SafetensorsHeader header{.tensors = {}, .metadata = metadata, .data_begin = 0};
  for (const auto& [key, value] : metadata) {
    if (!IsUtf8(key) || !IsUtf8(value))
      return error(absl::StrCat("metadata ", Quoted(key), " isn't UTF-8"));
  }
  for (const auto& [name, tensor] : tensors) {
    if (!IsUtf8(name) || name == "__metadata__") {
      return error(absl::StrCat("found tensor name ", Quoted(name),
                                ", expected UTF-8 other than __metadata__"));
    }
    if (!SafetensorsDtypeName(tensor.dtype).has_value()) {
      return error(absl::StrCat("tensor ", Quoted(name), ": found dtype ",
                                c10::toString(tensor.dtype), ", which safetensors can't hold"));
    }
    header.tensors[name] = {tensor.dtype, tensor.shape, 0, 0};
  }
  std::vector<std::string> order;
  const std::string head = LayOutSafetensorsHeader(header, order);
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Write(head); !status.ok()) return status;
  for (const std::string& name : order) {
    const TensorToWrite& to_write = tensors.at(name);
    const absl::StatusOr<at::Tensor> made = to_write.make();
    if (!made.ok()) return made.status();
    const at::Tensor tensor = made->detach().to(at::kCPU).contiguous();
    TORCH_CHECK(tensor.scalar_type() == to_write.dtype && tensor.sizes() == to_write.shape, name,
                " was made as ", tensor.scalar_type(), " ", tensor.sizes(), ", expected ",
                to_write.dtype, " ", to_write.shape);
    const auto* data = static_cast<const std::byte*>(tensor.const_data_ptr());
    if (absl::Status status = file->Write(std::span(data, tensor.nbytes())); !status.ok())
      return status;
  }
  return file->Commit();
}

}  // namespace draftp
