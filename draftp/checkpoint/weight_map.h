// The named tensors of a model folder or file, of which each is taken once and checked for its
// shape; under other names, as views.
#ifndef DRAFTP_CHECKPOINT_WEIGHT_MAP_H_
#define DRAFTP_CHECKPOINT_WEIGHT_MAP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/checkpoint/tensor_view.h"
#include "draftp/checkpoint/weight_files.h"

namespace draftp {

// What a part of a model was loaded from: its files, and of each the tensors that it took.
struct WeightOrigin {
  std::vector<std::string> files;  // the index of shards first where there is one
  std::map<std::string, std::set<std::string>> taken;  // by file; the names that the file has
};

// Weights by name, whatever files they lie in.
//
//   absl::StatusOr<WeightMap> weights = WeightMap::Open(dir + "/unet", "diffusion_pytorch_model");
//   absl::StatusOr<at::Tensor> w = weights->Take("conv_in.weight", {320, 4, 3, 3});
//   ... at the end, weights->Unused() is what the model has no place for.
class WeightMap {
 public:
  // Of what FindWeightFiles(path, stem) finds. Shards must hold exactly the tensors that their
  // index lists. Headers of all files (tensor_file.h) are read and checked; data are read when they
  // are touched.
  static absl::StatusOr<WeightMap> Open(const std::string& path, const std::string& stem);
  static absl::StatusOr<WeightMap> Open(const WeightFiles& files);

  // Tensors from memory; `source` stands for the file in messages.
  static WeightMap FromTensors(std::map<std::string, at::Tensor> tensors,
                               const std::string& source = "memory");

  // The tensor, a view of the file: convert or clone it to own it. It must be of a floating-point
  // dtype and of this shape. Taking the same name twice is allowed (tied weights). Errors name
  // file, tensor, what was found and what was expected, and the nearest name of an absent one.
  absl::StatusOr<at::Tensor> Take(const std::string& name, const std::vector<int64_t>& shape);

  // The one value of a tensor of any shape and of any dtype but complex ones. Errors as Take's.
  absl::StatusOr<double> Scalar(const std::string& name);

  // The same tensors under other names, each a view that is made when it is taken; what no renaming
  // names stays as it is. A `from` may be named more than once (its parts); one that isn't there is
  // missed when it is asked for, by that name: errors speak of tensors as their file does. Two
  // tensors that come to one name are an error.
  absl::StatusOr<WeightMap> Rename(std::span<const Renaming> renamings) &&;

  // From now on the tensor `name` is taken times the one number that the tensor `scale` holds, in
  // float32: a copy, no view.
  absl::Status Scale(const std::string& name, const std::string& scale);

  // Moves the tensors whose names begin with one of `prefixes` into a map of their own: what a file
  // holds of one part of a model.
  WeightMap Extract(const std::vector<std::string>& prefixes);

  bool Contains(const std::string& name) const;
  // The shape as Take expects it, without touching data; an error as Take's for an absent name.
  absl::StatusOr<std::vector<int64_t>> Shape(const std::string& name) const;
  std::vector<std::string> names() const;   // sorted
  std::vector<std::string> Unused() const;  // names that were never taken, sorted
  // What the file calls the tensor of this name, which must be there.
  const std::string& NameInFile(const std::string& name) const;
  // Files that the tensors lie in, the index first where there is one.
  const std::vector<std::string>& sources() const { return sources_; }
  // "__metadata__" of the file, or of all shards together.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // The sources, and what was taken of them until now (of files; tensors from memory have none).
  std::shared_ptr<const WeightOrigin> Origin() const;

 private:
  struct Item {
    // Nothing: a renaming expects it, the file doesn't have it.
    std::variant<std::monostate, at::Tensor, std::shared_ptr<const TensorFile>> data;
    std::string name_in_file;
    std::vector<TensorView> views;  // of renamings, first to last
    at::Tensor scale = {};          // [] f32; undefined: none

    bool absent() const { return data.index() == 0; }
    std::string Source(const WeightMap& map) const;
    std::vector<int64_t> StoredShape() const;
    std::vector<int64_t> ShapeInFile(std::vector<int64_t> shape) const;
    std::optional<std::vector<int64_t>> Shape() const;
  };

  WeightMap() = default;
  absl::Status Add(const std::string& path, const WeightFiles& files);
  absl::StatusOr<at::Tensor> TakeAnyDtype(const std::string& name);
  absl::Status Absent(const std::string& name) const;
  absl::Status WrongShape(const Item& item, const std::string& expected) const;
  // `FILE: tensor "NAME"`, as the file has it.
  std::string Where(const Item& item) const;

  std::map<std::string, Item> items_;
  std::set<std::string> used_;
  std::vector<std::string> sources_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::shared_ptr<const TensorFile>> files_;
};

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_WEIGHT_MAP_H_
