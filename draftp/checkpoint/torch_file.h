// Tensors of a file that torch.save wrote (.bin, .pt, .pth, .ckpt) as views of its memory mapping.
#ifndef DRAFTP_CHECKPOINT_TORCH_FILE_H_
#define DRAFTP_CHECKPOINT_TORCH_FILE_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/file_mapping.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/checkpoint/torch_index.h"

namespace draftp {

// A file whose index (torch_index.h) has been read and checked in full. It is data: no code of it
// runs, whatever its pickle names.
//
//   absl::StatusOr<std::shared_ptr<const TorchFile>> file = TorchFile::Open("HPS_v2.1.pt");
//   absl::StatusOr<at::Tensor> weight = (*file)->Tensor("visual.conv1.weight");
class TorchFile : public TensorFile {
 public:
  // Errors are one line: file, tensor, what was found, what was expected.
  static absl::StatusOr<std::shared_ptr<const TorchFile>> Open(const std::string& path);
  // Of the file at `path`, which is mapped already.
  static absl::StatusOr<std::shared_ptr<const TorchFile>> Of(
      const std::string& path, std::shared_ptr<const FileMapping> mapping);

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  // The format has none.
  const std::map<std::string, std::string>& metadata() const override { return no_metadata_; }
  // Dtype, shape, strides and place without touching the data; null for an unknown name.
  const TorchEntry* Entry(const std::string& name) const;
  const std::vector<int64_t>* Shape(const std::string& name) const override;
  std::string OtherThan(const std::string& name) const override;

  // Strided as it was saved. Tensors of one storage share it, but where it is compressed or not
  // aligned.
  absl::StatusOr<at::Tensor> Tensor(const std::string& name) const override;

 private:
  TorchFile(std::string path, TorchIndex index, std::shared_ptr<const FileMapping> mapping);
  // The storage's bytes: of the mapping, or unpacked, and then kept while a tensor has them.
  absl::StatusOr<std::shared_ptr<std::byte>> Storage(const TorchEntry& entry) const;

  std::string path_;
  TorchIndex index_;
  std::shared_ptr<const FileMapping> mapping_;
  std::map<std::string, std::string> no_metadata_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::weak_ptr<std::byte>> unpacked_;  // by the storage's key
};

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_TORCH_FILE_H_
