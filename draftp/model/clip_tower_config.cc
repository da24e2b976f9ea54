// Reads the part of a config that CLIP's two towers share.
#include "draftp/model/clip_tower_config.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {

void IgnoreBenignClipKeys(JsonReader& json) {
  json.Ignore({"_commit_hash",
               "_name_or_path",
               "model_type",
               "torch_dtype",
               "dtype",
               "transformers_version",
               "attention_dropout",
               "dropout",
               "initializer_factor",
               "initializer_range",
               "bos_token_id",
               "pad_token_id",
               "tokenizer_class",
               "output_attentions",
               "output_hidden_states",
               "output_scores",
               "return_dict",
               "torchscript",
               "use_bfloat16",
               "tf_legacy_loss",
               "finetuning_task",
               "id2label",
               "label2id",
               "num_labels",
               "problem_type",
               "task_specific_params",
               "chunk_size_feed_forward",
               "is_decoder",
               "is_encoder_decoder",
               "tie_encoder_decoder",
               "tie_word_embeddings",
               "cross_attention_hidden_size",
               "gradient_checkpointing"});
  json.Ignore({"bad_words_ids",
               "begin_suppress_tokens",
               "decoder_start_token_id",
               "diversity_penalty",
               "do_sample",
               "early_stopping",
               "encoder_no_repeat_ngram_size",
               "exponential_decay_length_penalty",
               "forced_bos_token_id",
               "forced_eos_token_id",
               "length_penalty",
               "max_length",
               "min_length",
               "no_repeat_ngram_size",
               "num_beam_groups",
               "num_beams",
               "num_return_sequences",
               "prefix",
               "remove_invalid_values",
               "repetition_penalty",
               "return_dict_in_generate",
               "sep_token_id",
               "suppress_tokens",
               "temperature",
               "top_k",
               "top_p",
               "typical_p"});
}

ClipLayerConfig ReadClipLayerConfig(JsonReader& json, const ClipLayerConfig& defaults) {
  ClipLayerConfig layer = defaults;
  layer.hidden_size = json.IntBetween("hidden_size", 1, kMaxClipSize, defaults.hidden_size);
  layer.intermediate_size =
      json.IntBetween("intermediate_size", 1, kMaxClipSize, defaults.intermediate_size);
  layer.num_heads = json.IntBetween("num_attention_heads", 1, kMaxClipSize, defaults.num_heads);
  layer.layer_norm_eps = json.Double("layer_norm_eps", defaults.layer_norm_eps);
  const std::string hidden_act = json.String("hidden_act", "quick_gelu");
  const std::optional<ClipActivation> activation = ParseClipActivation(hidden_act);
  if (!activation) {
    json.Fail("hidden_act",
              absl::StrCat("found ", Quoted(hidden_act), ", supported: ", ClipActivationNames()));
  }
  layer.activation = activation.value_or(ClipActivation::kQuickGelu);
  if (json.status().ok() && layer.hidden_size % layer.num_heads != 0) {
    json.Fail("num_attention_heads",
              absl::StrCat("found ", layer.num_heads, ", expected a divisor of hidden_size, ",
                           layer.hidden_size));
  }
  if (layer.layer_norm_eps <= 0) {
    json.Fail("layer_norm_eps", absl::StrCat("found ", layer.layer_norm_eps, ", expected > 0"));
  }
  return layer;
}

}  // namespace draftp
