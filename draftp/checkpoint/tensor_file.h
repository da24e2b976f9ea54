// A file of tensors by name, whatever its format.
#ifndef DRAFTP_CHECKPOINT_TENSOR_FILE_H_
#define DRAFTP_CHECKPOINT_TENSOR_FILE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// A file whose index of tensors has been read and checked in full; the data are read when they are
// touched. Safe for use by several threads.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  virtual const std::string& path() const = 0;
  virtual std::vector<std::string> names() const = 0;  // sorted
  virtual const std::map<std::string, std::string>& metadata() const = 0;
  // Without touching the data; null for an unknown name.
  virtual const std::vector<int64_t>* Shape(const std::string& name) const = 0;
  // What stands under a name that is no tensor, in words; empty where nothing does.
  virtual std::string OtherThan(const std::string& name) const = 0;

  // A CPU tensor over the mapped file, which it keeps alive; a copy where the data are compressed
  // or not aligned to their dtype. Writing to it changes this process's view only, never the file.
  // Errors: an unknown name, a boolean that is neither 0 nor 1, data that don't unpack.
  virtual absl::StatusOr<at::Tensor> Tensor(const std::string& name) const = 0;

 protected:
  TensorFile() = default;
};

// By the file's first bytes, not by its name: what torch.save wrote (torch_file.h), or else
// safetensors. Errors are one line: file, tensor, what was found, what was expected.
absl::StatusOr<std::shared_ptr<const TensorFile>> OpenTensorFile(const std::string& path);

// Whether a file is called as those of torch.save are: .bin, .ckpt, .pt or .pth.
bool HasTorchExtension(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_TENSOR_FILE_H_
