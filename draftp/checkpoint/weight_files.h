// Which files hold the weights of a model folder: found by their names, before any of them is
// opened.
#ifndef DRAFTP_CHECKPOINT_WEIGHT_FILES_H_
#define DRAFTP_CHECKPOINT_WEIGHT_FILES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// What lies at a path: one file of weights, or the shards that an index lists.
struct WeightFiles {
  std::string index = {};                            // empty for one file
  std::vector<std::string> files = {};               // sorted; shards lie beside their index
  std::map<std::string, std::string> shard_of = {};  // of an index: tensor to file, both by name

  // The index first where there is one.
  std::vector<std::string> All() const;
};

// `path`: a file of weights (.safetensors, or .bin, .pt, .pth, .ckpt of torch.save), an index
// (.json) of shards, or a folder, in which the first of these is taken (V is fp16, then bf16, as
// diffusers and transformers name their variants):
//   STEM.safetensors                   one file
//   STEM.safetensors.index.json        shards
//   STEM.V.safetensors                 one file
//   STEM.safetensors.index.V.json      shards, names of diffusers >= 0.31 and of transformers
//   STEM.safetensors.V.index.json      shards, names of diffusers before
//   STEM.V.safetensors.index.json      shards, hand-made names
// and, after all of these, the same with .bin, which torch.save writes, in place of .safetensors,
// where STEM "model" becomes "pytorch_model", as in transformers.
// Full precision wins over variants, and one file over shards. A file isn't looked at: whether it
// is there, and what it holds, opening it says. An index is read; a shard that isn't beside it is
// an error, and so is a folder without any of these, by what it has instead.
absl::StatusOr<WeightFiles> FindWeightFiles(const std::string& path, const std::string& stem);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_WEIGHT_FILES_H_
