// The named tensors of a model folder or file, of which each is taken once and checked for its
// shape.
#ifndef DRAFTP_CHECKPOINT_WEIGHT_MAP_H_
#define DRAFTP_CHECKPOINT_WEIGHT_MAP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/safetensors.h"

namespace draftp {

// Weights by name, whatever files they lie in.
//
//   absl::StatusOr<WeightMap> weights = WeightMap::Open(dir + "/unet", "diffusion_pytorch_model");
//   absl::StatusOr<at::Tensor> w = weights->Take("conv_in.weight", {320, 4, 3, 3});
//   ... at the end, weights->Unused() is what the model has no place for.
class WeightMap {
 public:
  // `path`: a .safetensors file, an index (.json) of shards, or a folder, in which the first of
  // these is taken (V is fp16, then bf16, as diffusers and transformers name their variants):
  //   STEM.safetensors                   one file
  //   STEM.safetensors.index.json        shards
  //   STEM.V.safetensors                 one file
  //   STEM.safetensors.index.V.json      shards, names of diffusers >= 0.31 and of transformers
  //   STEM.safetensors.V.index.json      shards, names of diffusers before
  //   STEM.V.safetensors.index.json      shards, hand-made names
  // Full precision wins over variants, and one file over shards.
  // An index's shards lie beside it, and must hold exactly the tensors that it lists.
  // Headers of all files are read and checked; data are read when they are touched.
  static absl::StatusOr<WeightMap> Open(const std::string& path, const std::string& stem);

  // Tensors from memory; `source` stands for the file in messages.
  static WeightMap FromTensors(std::map<std::string, at::Tensor> tensors,
                               const std::string& source = "memory");

  // The tensor, a view of the file: convert or clone it to own it. It must be of a floating-point
  // dtype and of this shape. Taking the same name twice is allowed (tied weights). Errors name
  // file, tensor, what was found and what was expected, and the nearest name of an absent one.
  absl::StatusOr<at::Tensor> Take(const std::string& name, const std::vector<int64_t>& shape);

  // Moves the tensors whose names begin with one of `prefixes` into a map of their own: what a file
  // holds of one part of a model.
  WeightMap Extract(const std::vector<std::string>& prefixes);

  bool Contains(const std::string& name) const { return items_.contains(name); }
  // The shape that the file states, without touching data; an error as Take's for an absent name.
  absl::StatusOr<std::vector<int64_t>> Shape(const std::string& name) const;
  std::vector<std::string> names() const;   // sorted
  std::vector<std::string> Unused() const;  // names that were never taken, sorted
  // Files that the tensors lie in, the index first where there is one.
  const std::vector<std::string>& sources() const { return sources_; }
  // "__metadata__" of the file, or of all shards together.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  using Item = std::variant<at::Tensor, std::shared_ptr<const SafetensorsFile>>;

  WeightMap() = default;
  static absl::StatusOr<WeightMap> OpenFile(const std::string& path);
  static absl::StatusOr<WeightMap> OpenIndex(const std::string& path);
  void Add(const std::shared_ptr<const SafetensorsFile>& file);
  absl::Status Absent(const std::string& name) const;
  // "file: tensor "name""
  std::string Where(const std::string& name) const;

  std::map<std::string, Item> items_;
  std::set<std::string> used_;
  std::vector<std::string> sources_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_WEIGHT_MAP_H_
