// Where a model's weights live and in which dtype they compute.
#ifndef DRAFTP_KERNELS_PLACEMENT_H_
#define DRAFTP_KERNELS_PLACEMENT_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace draftp {

struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

// `tensor` on that device in that dtype. A copy only where one of them differs: a float32 tensor of
// a mapped file stays a view of the file.
inline at::Tensor Place(const at::Tensor& tensor, const Placement& placement) {
  return tensor.to(placement.device, placement.dtype);
}

}  // namespace draftp

#endif  // DRAFTP_KERNELS_PLACEMENT_H_
