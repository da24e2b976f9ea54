#include "draftp/checkpoint/torch_file.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {

TorchFile::TorchFile(std::string path, TorchIndex index, std::shared_ptr<const FileMapping> mapping)
    : path_(std::move(path)), index_(std::move(index)), mapping_(std::move(mapping)) {}

absl::StatusOr<std::shared_ptr<const TorchFile>> TorchFile::Open(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const FileMapping>> mapping = FileMapping::Map(path);
  if (!mapping.ok()) return mapping.status();
  return Of(path, *std::move(mapping));
}

absl::StatusOr<std::shared_ptr<const TorchFile>> TorchFile::Of(
    const std::string& path, std::shared_ptr<const FileMapping> mapping) {
  absl::StatusOr<TorchIndex> index = ParseTorchIndex(path, mapping->bytes());
  if (!index.ok()) return index.status();
  return std::shared_ptr<const TorchFile>(
      new TorchFile(path, *std::move(index), std::move(mapping)));
}

std::vector<std::string> TorchFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : index_.tensors) names.push_back(name);
  return names;
}

const TorchEntry* TorchFile::Entry(const std::string& name) const {
  const auto found = index_.tensors.find(name);
  return found == index_.tensors.end() ? nullptr : &found->second;
}

const std::vector<int64_t>* TorchFile::Shape(const std::string& name) const {
  const TorchEntry* entry = Entry(name);
  return entry == nullptr ? nullptr : &entry->tensor.shape;
}

std::string TorchFile::OtherThan(const std::string& name) const {
  const auto found = index_.others.find(name);
  return found == index_.others.end() ? "" : found->second;
}

absl::StatusOr<std::shared_ptr<std::byte>> TorchFile::Storage(const TorchEntry& entry) const {
  if (!entry.data.deflated)
    return std::shared_ptr<std::byte>(mapping_, mapping_->data() + entry.data.begin);
  const std::lock_guard lock(mutex_);
  std::weak_ptr<std::byte>& kept = unpacked_[entry.tensor.storage.key];
  if (std::shared_ptr<std::byte> there = kept.lock()) return there;
  // LibTorch's allocator aligns, and says how much memory was asked for where there isn't so much.
  at::Tensor owner = at::empty({static_cast<int64_t>(entry.data.size)}, at::kByte);
  auto* const data = static_cast<std::byte*>(owner.data_ptr());
  if (absl::Status unpacked =
          InflateZipEntry(mapping_->bytes(), entry.data, std::span(data, entry.data.size));
      !unpacked.ok()) {
    return unpacked;
  }
  std::shared_ptr<std::byte> storage(data, [owner](std::byte*) {});
  kept = storage;
  return storage;
}

absl::StatusOr<at::Tensor> TorchFile::Tensor(const std::string& name) const {
  const TorchEntry* entry = Entry(name);
  if (entry == nullptr) {
    const std::string other = OtherThan(name);
    return absl::NotFoundError(absl::StrCat(
        Printable(path_, 4096), ": found ", other.empty() ? "no tensor" : other,
        other.empty() ? " " : " under ", Quoted(name), other.empty() ? "" : ", expected a tensor"));
  }
  const TorchTensor& tensor = entry->tensor;
  const at::TensorOptions options = at::TensorOptions().dtype(tensor.dtype);
  if (tensor.extent == 0) return at::empty(tensor.shape, options);
  const auto error = [&](const std::string& what) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(path_, 4096), ": tensor ", Quoted(name), ": ", what));
  };
  absl::StatusOr<std::shared_ptr<std::byte>> storage = Storage(*entry);
  if (!storage.ok()) return error(std::string(storage.status().message()));
  const size_t width = c10::elementSize(tensor.dtype);
  std::byte* const data = storage->get() + tensor.offset * width;
  const std::span<const std::byte> bytes(data, tensor.extent * width);
  // A C++ bool that is neither 0 nor 1 is undefined behaviour wherever it is read.
  if (tensor.dtype == at::kBool &&
      std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; })) {
    return error("found a BOOL above 1, expected 0 or 1");
  }
  if (reinterpret_cast<uintptr_t>(data) % width == 0) {
    return at::from_blob(
        data, tensor.shape, tensor.strides, [storage = *std::move(storage)](void*) {}, options);
  }
  const at::Tensor copy = at::empty({static_cast<int64_t>(tensor.extent)}, options);
  std::memcpy(copy.data_ptr(), bytes.data(), bytes.size());
  return copy.as_strided(tensor.shape, tensor.strides);
}

}  // namespace draftp
