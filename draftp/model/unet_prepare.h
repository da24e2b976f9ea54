// Computes the constants of a run for a UNet: size and pooled embeddings, keys and values of the
// prompts.
#ifndef DRAFTP_MODEL_UNET_PREPARE_H_
#define DRAFTP_MODEL_UNET_PREPARE_H_

#include <ATen/core/Tensor.h>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/prepared.h"
#include "draftp/model/unet.h"

namespace draftp {

// What conditions R rows, of any floating dtype, on the network's device.
struct UNetConditioning {
  at::Tensor context;  // [R,S,D] token embeddings
  at::Tensor pooled;   // [R,P]; undefined for a network without text_time
  at::Tensor
      time_ids;  // [R,n] original h, w, crop top, left, target h, w in pixels; undefined likewise
  int64_t zero_rows = 0;  // see Prompt
};

enum class KeysAndValues {
  kPrepared,   // once here: for inference, and where no adapter on to_k or to_v is trained
  kInForward,  // by each forward call, which then takes any adapters
};

// Constants for calls of `unet` with these rows and adapters. Gradients flow through, so under
// training each backward needs its own Prepared where kPrepared meets trainable to_k or to_v. P + n
// * addition_time_embed_dim must be the config's projection_class_embeddings_input_dim.
Prepared Prepare(const UNet& unet, const UNetConditioning& conditioning,
                 const AdapterRows& rows = {},
                 KeysAndValues keys_and_values = KeysAndValues::kPrepared);

}  // namespace draftp

#endif  // DRAFTP_MODEL_UNET_PREPARE_H_
