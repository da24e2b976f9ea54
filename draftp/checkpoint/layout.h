// The concept Layout: how a file lays out a model, by the names and shapes of its tensors.
#ifndef DRAFTP_CHECKPOINT_LAYOUT_H_
#define DRAFTP_CHECKPOINT_LAYOUT_H_

#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/json_file.h"

namespace draftp {

// What one network of a model is, whichever layout its file has.
enum class ModelPart : std::uint8_t {
  kUNet,
  kVae,
  kTextEncoder,
  kTextEncoder2,  // SDXL's second, OpenCLIP bigG's; by itself a text encoder
  kImageEncoder,
  kClip
};

// "UNet", "VAE", "CLIP text encoder", "second text encoder", "CLIP image encoder", "CLIP", for
// messages.
std::string_view PartName(ModelPart part);
// In diffusers' layout the name of a part's folder, "unet", "text_encoder_2", and the stem of the
// weights in it, "diffusion_pytorch_model" or "model".
std::string PartFolder(ModelPart part);
std::string PartStem(ModelPart part);

// One part of what a file holds.
struct LayoutPart {
  ModelPart part;
  // Under the names that diffusers (UNet, VAE) or transformers (CLIP) give its tensors; those of a
  // text encoder begin with text_model., as in a CLIP of both towers.
  WeightMap weights;
};

// What a part is besides its tensors, in the libraries' own keys, so that whoever reads a
// config.json reads this.
struct PartConfig {
  JsonReader model;  // as config.json
  // As preprocessor_config.json, of image_mean and image_std; an empty object where nothing says.
  nlohmann::json preprocessor = nlohmann::json::object();
};

// A layout L, of which there are only static members:
// - L::Sees(weights): the parts that the names and shapes are of, by this layout; none for a
//   file of another. It touches no data, and fails for no file.
// - L::Parts(weights) of a file in which it sees any: each part under the libraries' names, as
//   views of the file's tensors: nothing is copied. A tensor that belongs to no part, and whose
//   absence would go unnoticed, is an error; one that a part should have and hasn't is missed, by
//   the file's own name, when it is taken.
// - L::Config(part, folder): what shapes show, what `folder`'s configs say, and for the rest the
//   published values of the layout's models. `folder` is where the file lies.
// - L::kExpected says for messages by what a user would know such a file.
// Errors are one line: the file, what was found, what was expected.
template <class L>
concept Layout = requires(const WeightMap& seen, WeightMap weights, const LayoutPart& part,
                          const std::string& folder) {
  { L::kExpected } -> std::convertible_to<std::string_view>;
  { L::Sees(seen) } -> std::same_as<std::vector<ModelPart>>;
  { L::Parts(std::move(weights)) } -> std::same_as<absl::StatusOr<std::vector<LayoutPart>>>;
  { L::Config(part, folder) } -> std::same_as<absl::StatusOr<PartConfig>>;
};

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_LAYOUT_H_
