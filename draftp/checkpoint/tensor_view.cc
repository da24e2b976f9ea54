#include "draftp/checkpoint/tensor_view.h"

namespace draftp {

std::optional<std::vector<int64_t>> ViewShape(const TensorView& view,
                                              const std::vector<int64_t>& shape) {
  std::vector<int64_t> seen = shape;
  if (view.parts > 1) {
    if (seen.empty() || seen[0] % view.parts != 0) return std::nullopt;
    seen[0] /= view.parts;
  }
  if (view.transposed) {
    if (seen.size() != 2) return std::nullopt;
    seen = {seen[1], seen[0]};
  }
  if (view.flat) {
    if (seen.size() != 4 || seen[2] != 1 || seen[3] != 1) return std::nullopt;
    seen.resize(2);
  }
  return seen;
}

std::vector<int64_t> ShapeInFile(const TensorView& view, std::vector<int64_t> shape) {
  if (view.flat && shape.size() == 2) shape.insert(shape.end(), {1, 1});
  if (view.transposed && shape.size() == 2) shape = {shape[1], shape[0]};
  if (view.parts > 1 && !shape.empty()) shape[0] *= view.parts;
  return shape;
}

std::string ExpectedForView(const TensorView& view) {
  if (view.flat) return "[out, in, 1, 1]";
  if (view.transposed) return "[in, out]";
  return "a multiple of " + std::to_string(view.parts) + " rows";
}

at::Tensor ViewOf(const TensorView& view, const at::Tensor& tensor) {
  at::Tensor seen = tensor;
  if (view.parts > 1) {
    const int64_t rows = seen.size(0) / view.parts;
    seen = seen.narrow(0, view.part * rows, rows);
  }
  if (view.transposed) seen = seen.t();
  if (view.flat) seen = seen.flatten(1);
  return seen;
}

}  // namespace draftp
