// How a tensor of a file stands under a layout's other name: a view of it, never a copy.
#ifndef DRAFTP_CHECKPOINT_TENSOR_VIEW_H_
#define DRAFTP_CHECKPOINT_TENSOR_VIEW_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace draftp {

// At most one of cut, transposed and flat; none of them is the whole tensor as it is.
struct TensorView {
  int64_t part = 0,
          parts = 1;        // one of equal parts along the first dimension: [n*a,...] to [a,...]
  bool transposed = false;  // [in,out] to [out,in]
  bool flat = false;        // [out,in,1,1] to [out,in]

  bool operator==(const TensorView&) const = default;
};

// The tensor `from` of a file, under the name `to`.
struct Renaming {
  std::string from;
  std::string to;  // empty: the tensor is left out
  TensorView view = {};
};

// The view's shape of a tensor of this shape; none where it has no such view.
std::optional<std::vector<int64_t>> ViewShape(const TensorView& view,
                                              const std::vector<int64_t>& shape);

// The shape that a tensor must have for its view to have this one.
std::vector<int64_t> ShapeInFile(const TensorView& view, std::vector<int64_t> shape);

// What a tensor must be for its view to be any, for messages: "[in, out]".
std::string ExpectedForView(const TensorView& view);

// The view itself, of the same storage. `tensor` has a shape of which ViewShape has one.
at::Tensor ViewOf(const TensorView& view, const at::Tensor& tensor);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_TENSOR_VIEW_H_
