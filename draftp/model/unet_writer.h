// Writes a UNet as a folder that diffusers and UNet::Load read.
#ifndef DRAFTP_MODEL_UNET_WRITER_H_
#define DRAFTP_MODEL_UNET_WRITER_H_

#include <c10/core/ScalarType.h>

#include <string>

#include "absl/status/status.h"
#include "draftp/model/unet.h"

namespace draftp {

// Writes dir/diffusion_pytorch_model.safetensors, each tensor in `dtype` under its name and in its
// shape of a diffusers checkpoint (1x1 convolutions as such), and dir/config.json, which is
// `config_json`, the text of the config that `unet` was built from. `dir` is made, its parent must
// exist. Adapters aren't written: merge them before (MergeLora).
//
// The config comes last, and a folder without one is no UNet: what is in `dir` afterwards is the
// whole new UNet or, after an error, none. A UNet that was there before, with the same config,
// stays until the new one replaces it; one with another config goes first.
//
// Errors: a config that isn't JSON or describes another UNet (named by key), weights that are gone
// since they were packed for inference, those of WriteSafetensors and of the file system.
absl::Status WriteUNet(const std::string& dir, const UNet& unet, const std::string& config_json,
                       at::ScalarType dtype);

}  // namespace draftp

#endif  // DRAFTP_MODEL_UNET_WRITER_H_
