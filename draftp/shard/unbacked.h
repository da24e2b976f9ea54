// Tensors whose memory is elsewhere, or gone.
#ifndef DRAFTP_SHARD_UNBACKED_H_
#define DRAFTP_SHARD_UNBACKED_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Storage.h>

#include <cstdint>

namespace draftp {

// A storage of that size without memory; who reads it faults.
inline c10::Storage UnbackedStorage(int64_t bytes, c10::Device device) {
  return c10::Storage(c10::make_intrusive<c10::StorageImpl>(
      c10::StorageImpl::use_byte_size_t(), static_cast<size_t>(bytes),
      c10::DataPtr(nullptr, device), /*allocator=*/nullptr, /*resizable=*/false));
}

// Shape, strides, dtype and device of `tensor`, without memory.
inline at::Tensor UnbackedLike(const at::Tensor& tensor) {
  const c10::Storage storage =
      UnbackedStorage(static_cast<int64_t>(tensor.nbytes()), tensor.device());
  return at::empty({0}, tensor.options()).set_(storage, 0, tensor.sizes(), tensor.strides());
}

}  // namespace draftp

#endif  // DRAFTP_SHARD_UNBACKED_H_
