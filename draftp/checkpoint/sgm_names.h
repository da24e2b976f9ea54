// The names that single files give an SDXL's UNet and VAE (Stability's sgm and the older ldm), each
// with diffusers' name for it.
#ifndef DRAFTP_CHECKPOINT_SGM_NAMES_H_
#define DRAFTP_CHECKPOINT_SGM_NAMES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/tensor_view.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// The tensors of `weights` that begin with `prefix` and have an sgm name behind it: time_embed,
// label_emb, input_blocks, middle_block, output_blocks, out. How many blocks a level has is seen
// from the places of the resampling layers, so that pruned UNets have their names too. Other names
// aren't listed.
std::vector<Renaming> SgmUNetNames(const WeightMap& weights, const std::string& prefix);

// The same of an ldm autoencoder: encoder, decoder, quant_conv, post_quant_conv. decoder.up.N
// counts from the image's side, diffusers' up_blocks from the latents'; the attention's 1x1
// convolutions are linear layers.
std::vector<Renaming> LdmVaeNames(const WeightMap& weights, const std::string& prefix);

// Where sgm has the layers and tensors of a UNet that diffusers names.
class SgmUNetPlaces {
 public:
  // `names`: of all its layers or tensors by diffusers, by which blocks are counted.
  explicit SgmUNetPlaces(const std::vector<std::string>& names);

  // "input_blocks.4.0.in_layers.2" of the layer "down_blocks.1.resnets.0.conv1", and of a tensor of
  // it with its ending; none for a name of no known block.
  std::optional<std::string> Of(const std::string& name) const;

 private:
  struct Way {
    std::map<int64_t, int64_t> layers;  // resnets by level
    std::set<int64_t> attends;          // levels that do
  };

  Way down_, up_;
  bool middle_attends_ = false;
};

// The way back: the names of diffusers' UNet and VAE, each with sgm's and ldm's name of it. Errors
// are names that neither layout has a place for.
absl::StatusOr<std::vector<Renaming>> ToSgmUNetNames(const std::vector<std::string>& names);
absl::StatusOr<std::vector<Renaming>> ToLdmVaeNames(const std::vector<std::string>& names);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SGM_NAMES_H_
