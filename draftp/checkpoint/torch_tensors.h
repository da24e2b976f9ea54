// The tensors that a pickle of torch.save describes: dtype, shape, strides, and the storage that
// they lie in.
#ifndef DRAFTP_CHECKPOINT_TORCH_TENSORS_H_
#define DRAFTP_CHECKPOINT_TORCH_TENSORS_H_

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/pickle.h"

namespace draftp {

// The data that tensors share, by the key that the file has for them.
struct TorchStorage {
  std::string key;
  at::ScalarType dtype = at::ScalarType::Undefined;  // Byte where each tensor says its own
  uint64_t size = 0;                                 // bytes
};

// Places and strides count elements of `dtype`. The tensor lies inside its storage, without
// overflow, and has no more elements than that.
struct TorchTensor {
  TorchStorage storage;
  at::ScalarType dtype = at::ScalarType::Undefined;
  uint64_t offset = 0;
  uint64_t extent = 0;  // elements from the first to the last, both among them
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};
};

// ReadPickle's `keeps`: the functions by which torch.save's pickles rebuild tensors.
bool BuildsTensor(std::string_view global);

// The storage that a kPersistent value stands for. Errors, as those below, say what was found and
// what was expected.
absl::StatusOr<TorchStorage> ReadTorchStorage(const Pickle& pickle, const PickleValue& persistent);

// The tensor that a kCall of those functions describes. Errors: extents outside its storage, or
// overflowing; dtypes that LibTorch lacks; conjugates and negatives that are yet to be computed.
absl::StatusOr<TorchTensor> ReadTorchTensor(const Pickle& pickle, const PickleValue& call);

// What a file of torch.save holds, by name.
struct TorchTensors {
  std::map<std::string, TorchTensor> tensors;
  std::map<std::string, std::string> others;  // names of what are no tensors, and what it is
};

inline constexpr size_t kMaxTorchTensors = size_t{1} << 18;  // of one file

// Of a dict: under "state_dict" (as Lightning and open_clip save them) where tensors are there,
// else the dict's own, else those of the one dict in it that has any. Where tensors stand under
// none or several keys, the error names the keys; other keys may hold anything.
absl::StatusOr<TorchTensors> FindTorchTensors(const Pickle& pickle);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_TORCH_TENSORS_H_
