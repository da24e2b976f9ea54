// What SDXL's UNet is conditioned on: runs both text encoders and joins their outputs.
#include "draftp/model/conditioning.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/model/clip_text.h"

namespace draftp {
namespace {

struct TextEmbeddings {
  at::Tensor context;  // [B,L,C1+C2]
  at::Tensor pooled;   // [B,P]
};

absl::StatusOr<TextEmbeddings> EncodeText(const SdxlTextEncoders& encoders, const PromptIds& ids,
                                          const AnyPiecePolicy& pieces) {
  TORCH_CHECK(ids.first.sizes() == ids.second.sizes(),
              "token ids of the two encoders differ: ", ids.first.sizes(), " and ",
              ids.second.sizes());
  const at::NoGradGuard frozen;
  absl::StatusOr<ClipTextOutput> first = Encode(encoders.first, ids.first, pieces);
  if (!first.ok()) return first.status();
  absl::StatusOr<ClipTextOutput> second = Encode(encoders.second, ids.second, pieces);
  if (!second.ok()) return second.status();
  return TextEmbeddings{at::cat({first->penultimate, second->penultimate}, 2), second->pooled};
}

at::Tensor TimeIds(ImageSize original, ImageSize target, const at::Tensor& context) {
  const at::Tensor row =
      at::tensor({static_cast<double>(original.height), static_cast<double>(original.width), 0.0,
                  0.0, static_cast<double>(target.height), static_cast<double>(target.width)},
                 at::kFloat);
  return row.to(context.device()).expand({context.size(0), 6}).contiguous();  // [B,6]
}

}  // namespace

absl::StatusOr<SdxlTextEncoders> SdxlTextEncoders::Load(const std::string& model_dir,
                                                        const Placement& placement) {
  absl::StatusOr<ClipText> first = ClipText::Load(model_dir + "/text_encoder", placement);
  if (!first.ok()) return first.status();
  absl::StatusOr<ClipText> second = ClipText::Load(model_dir + "/text_encoder_2", placement);
  if (!second.ok()) return second.status();
  if (!second->projection.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(model_dir,
                     "/text_encoder_2/config.json: architectures: found a model without "
                     "projection, expected CLIPTextModelWithProjection"));
  }
  return SdxlTextEncoders{*std::move(first), *std::move(second)};
}

absl::StatusOr<Conditioning> EncodePrompts(const SdxlTextEncoders& encoders, const PromptIds& ids,
                                           ImageSize original, ImageSize target,
                                           const AnyPiecePolicy& pieces) {
  absl::StatusOr<TextEmbeddings> text = EncodeText(encoders, ids, pieces);
  if (!text.ok()) return text.status();
  const at::Tensor time_ids = TimeIds(original, target, text->context);
  return Conditioning{text->context, text->pooled, time_ids};
}

absl::StatusOr<Conditioning> EncodeUnconditional(const SdxlTextEncoders& encoders,
                                                 const std::optional<PromptIds>& negative_ids,
                                                 const Conditioning& conditional,
                                                 const AnyPiecePolicy& pieces) {
  if (!negative_ids.has_value()) {
    return Conditioning{at::zeros_like(conditional.context), at::zeros_like(conditional.pooled),
                        conditional.time_ids, /*zero_context=*/true};
  }
  absl::StatusOr<TextEmbeddings> text = EncodeText(encoders, *negative_ids, pieces);
  if (!text.ok()) return text.status();
  return Conditioning{text->context.expand_as(conditional.context).contiguous(),
                      text->pooled.expand_as(conditional.pooled).contiguous(),
                      conditional.time_ids};
}

}  // namespace draftp
