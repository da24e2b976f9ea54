// Reads an AutoencoderKL's config.json, as far as its decoder goes.
#ifndef DRAFTP_MODEL_VAE_CONFIG_H_
#define DRAFTP_MODEL_VAE_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"

namespace draftp {

// Fields as in diffusers' AutoencoderKL, with its defaults where the file is silent.
struct VaeConfig {
  std::vector<int64_t>
      block_out_channels;    // from the image's side; the decoder runs through them backwards
  int64_t layers_per_block;  // a decoder block has one resnet more
  int64_t latent_channels;
  int64_t norm_num_groups;
  bool mid_block_add_attention;
  bool use_post_quant_conv;
  double scaling_factor;             // latents of the sampler = scaling_factor * latents of the VAE
  double shift_factor;               // 0 if null
  std::vector<double> latents_mean;  // [latent_channels], or empty, as latents_std
  std::vector<double> latents_std;

  // Pixels per latent, 2^(levels-1).
  int64_t Downsampling() const {
    return int64_t{1} << (static_cast<int64_t>(block_out_channels.size()) - 1);
  }
};

// Errors name file, key, value and what is supported: unknown keys, wrong types, unsupported
// values. Keys of the encoder are accepted and have no effect.
absl::StatusOr<VaeConfig> ParseVaeConfig(JsonReader json);

// ParseVaeConfig of a file.
absl::StatusOr<VaeConfig> ReadVaeConfig(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_MODEL_VAE_CONFIG_H_
