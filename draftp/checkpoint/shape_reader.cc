#include "draftp/checkpoint/shape_reader.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/printable.h"

namespace draftp {

std::vector<int64_t> ShapeReader::Of(const std::string& name, size_t dimensions) {
  std::vector<int64_t> ones(dimensions, 1);
  if (!status_.ok()) return ones;
  const absl::StatusOr<std::vector<int64_t>> shape = weights_.Shape(name);
  if (!shape.ok()) {
    status_ = shape.status();
    return ones;
  }
  bool valid = shape->size() == dimensions;
  for (const int64_t size : *shape) valid = valid && size >= 1 && size <= kMostSize;
  if (valid) return *shape;
  Fail(name, absl::StrCat("a tensor of ", dimensions, " dimensions, each 1 to ", kMostSize));
  return ones;
}

int64_t ShapeReader::Count(const std::string& before, const std::string& after) const {
  int64_t count = 0;
  while (weights_.Contains(absl::StrCat(before, count, after))) ++count;
  return count;
}

size_t ShapeReader::Dimensions(const std::string& name) const {
  const auto shape = weights_.Shape(name);
  return shape.ok() ? shape->size() : 0;
}

void ShapeReader::Fail(const std::string& name, const std::string& expected) {
  if (!status_.ok()) return;
  const auto shape = weights_.Shape(name);
  status_ = absl::InvalidArgumentError(
      absl::StrCat(Printable(weights_.sources().front(), 4096), ": tensor ",
                   Quoted(weights_.NameInFile(name)), ": found shape ",
                   shape.ok() ? ShapeText(*shape) : "of another kind", ", expected ", expected));
}

}  // namespace draftp
