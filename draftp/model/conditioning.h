// What SDXL's UNet is conditioned on: both text encoders' outputs and the size embeddings' inputs.
#ifndef DRAFTP_MODEL_CONDITIONING_H_
#define DRAFTP_MODEL_CONDITIONING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/clip_text.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

// The two encoders of an SDXL folder: CLIP-L's role, and OpenCLIP bigG's, which has the projection.
struct SdxlTextEncoders {
  ClipText first;
  ClipText second;

  // From model_dir/text_encoder and model_dir/text_encoder_2. An encoder_2 without a projection is
  // an error.
  static absl::StatusOr<SdxlTextEncoders> Load(const std::string& model_dir,
                                               const Placement& placement);
};

// Token ids of the same captions by each encoder's tokenizer, on the CPU.
struct PromptIds {
  at::Tensor first;   // [B,L] int64, L = 77
  at::Tensor second;  // [B,L] int64
};

// Pixels, height first, as SDXL's size embeddings have it.
struct ImageSize {
  int64_t height;
  int64_t width;
};

struct Conditioning {
  at::Tensor context;  // [B,L,C1+C2], the encoders' dtype: concat of the penultimate hidden states
  at::Tensor pooled;   // [B,P], the encoders' dtype: the second encoder's projection at end-of-text
  at::Tensor time_ids;        // [B,6] f32: original (h, w), crop (0, 0), target (h, w)
  bool zero_context = false;  // `context` is known to be zeros
};

// Encodes captions. Ids outside a vocabulary, or without an end-of-text, are errors (see Encode in
// clip_text.h). Without a graph: the text encoders are frozen. `pieces`: of their layers.
absl::StatusOr<Conditioning> EncodePrompts(const SdxlTextEncoders& encoders, const PromptIds& ids,
                                           ImageSize original, ImageSize target,
                                           const AnyPiecePolicy& pieces = {});

// The unconditional side of classifier-free guidance, for the images of `conditional`: its size
// embeddings, and
// - without ids, zeros for context and pooled: force_zeros_for_empty_prompt and no negative prompt;
// - with ids, [B,L] or [1,L] for all, the encoded negative prompt ("" where the pipeline doesn't
//   force zeros).
absl::StatusOr<Conditioning> EncodeUnconditional(const SdxlTextEncoders& encoders,
                                                 const std::optional<PromptIds>& negative_ids,
                                                 const Conditioning& conditional,
                                                 const AnyPiecePolicy& pieces = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_CONDITIONING_H_
