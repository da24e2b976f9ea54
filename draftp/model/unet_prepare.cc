#include "draftp/model/unet_prepare.h"

#include <ATen/ops/cat.h>

#include <cstdint>
#include <utility>

#include "draftp/model/attention.h"
#include "draftp/model/time_embedding.h"

namespace draftp {
namespace {

// add_embedding(concat(pooled, sinusoids of the time ids)) [R,E]
at::Tensor AddedEmbedding(const UNet& unet, const UNetConditioning& conditioning,
                          const AdapterRows& rows) {
  const UNetConfig& config = unet.config;
  const int64_t batch = conditioning.context.size(0);
  TORCH_CHECK(conditioning.pooled.defined() && conditioning.time_ids.defined(),
              "a text_time network needs pooled embeddings and time ids");
  TORCH_CHECK(conditioning.pooled.size(0) == batch && conditioning.time_ids.size(0) == batch,
              "context has ", batch, " rows, pooled ", conditioning.pooled.size(0), ", time ids ",
              conditioning.time_ids.size(0));
  const int64_t width =
      conditioning.pooled.size(1) + conditioning.time_ids.size(1) * config.addition_time_embed_dim;
  TORCH_CHECK(width == config.projection_class_embeddings_input_dim,
              "pooled embedding and time ids make ", width,
              " channels, projection_class_embeddings_input_dim is ",
              config.projection_class_embeddings_input_dim);
  const at::Tensor sinusoids =
      SinusoidalEmbedding(
          conditioning.time_ids.flatten(), config.addition_time_embed_dim,
          {.flip_sin_to_cos = config.flip_sin_to_cos, .freq_shift = config.freq_shift})
          .reshape({batch, -1});
  const at::ScalarType dtype = unet.placement().dtype;
  const at::Tensor vector = at::cat({conditioning.pooled.to(dtype), sinusoids.to(dtype)}, 1);
  return EmbeddingMlp(vector, *unet.add_embedding, rows);
}

}  // namespace

Prepared Prepare(const UNet& unet, const UNetConditioning& conditioning, const AdapterRows& rows,
                 KeysAndValues keys_and_values) {
  TORCH_CHECK(conditioning.context.dim() == 3 &&
                  conditioning.context.size(2) == unet.config.cross_attention_dim,
              "context is ", conditioning.context.sizes(), ", expected [R,S,",
              unet.config.cross_attention_dim, "]");
  Prepared prepared{.prompt = {.context = conditioning.context.to(unet.placement().dtype),
                               .keys_values = {},
                               .zero_rows = conditioning.zero_rows},
                    .added = {},
                    .rows = rows};
  if (unet.add_embedding) prepared.added = AddedEmbedding(unet, conditioning, rows);
  if (keys_and_values == KeysAndValues::kInForward) return prepared;
  VisitCrossAttentions(unet, [&](const AttentionWeights& attention) {
    prepared.prompt.keys_values.push_back(
        ProjectKeysValues(prepared.prompt.context, attention, rows));
  });
  return prepared;
}

}  // namespace draftp
