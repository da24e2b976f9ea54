// Tensors of a safetensors file as views of its memory mapping, and a writer of such files.
#ifndef DRAFTP_CHECKPOINT_SAFETENSORS_H_
#define DRAFTP_CHECKPOINT_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/checkpoint/file_mapping.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/checkpoint/tensor_file.h"

namespace draftp {

// A file whose header has been read and checked in full; the data are read when they are touched.
//
//   absl::StatusOr<std::shared_ptr<const SafetensorsFile>> file = SafetensorsFile::Open(path);
//   if (!file.ok()) return file.status();
//   absl::StatusOr<at::Tensor> weight = (*file)->Tensor("conv_in.weight");
//
// Safe for use by several threads. The file may be replaced (renamed over) while it is mapped, but
// must not be cut: the system ends a program that touches pages that are gone.
class SafetensorsFile : public TensorFile {
 public:
  // Errors are one line: file, tensor, what was found, what was expected.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Open(const std::string& path);
  // Of the file at `path`, which is mapped already.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Of(
      const std::string& path, std::shared_ptr<const FileMapping> mapping);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  const std::map<std::string, std::string>& metadata() const override { return header_.metadata; }
  // Where the tensors' bytes begin in the file.
  int64_t data_begin() const { return static_cast<int64_t>(header_.data_begin); }
  bool Contains(const std::string& name) const { return header_.tensors.contains(name); }

  // Dtype and shape without touching the data; null for an unknown name.
  const SafetensorsEntry* Entry(const std::string& name) const;
  const std::vector<int64_t>* Shape(const std::string& name) const override;
  std::string OtherThan(const std::string&) const override { return ""; }

  // Contiguous.
  absl::StatusOr<at::Tensor> Tensor(const std::string& name) const override;

 private:
  SafetensorsFile(std::string path, SafetensorsHeader header,
                  std::shared_ptr<const FileMapping> mapping);

  std::string path_;
  SafetensorsHeader header_;
  std::shared_ptr<const FileMapping> mapping_;
};

// A tensor that is made when its turn to be written comes.
struct TensorToWrite {
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  std::function<absl::StatusOr<at::Tensor>()> make;  // of this dtype and shape
};

// Writes the file atomically, bytes as the reference implementation would (metadata sorted by key).
// Tensors may lie on any device and be strided. Errors: a dtype that the format lacks, text that
// isn't UTF-8, the tensor name "__metadata__", and those of AtomicFile.
absl::Status WriteSafetensors(const std::string& path,
                              const std::map<std::string, at::Tensor>& tensors,
                              const std::map<std::string, std::string>& metadata = {});

// The same with no more than one of the tensors in memory at once. Errors: also those of `make`.
absl::Status WriteSafetensorsOneByOne(const std::string& path,
                                      const std::map<std::string, TensorToWrite>& tensors,
                                      const std::map<std::string, std::string>& metadata = {});

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SAFETENSORS_H_
