// Reads a CLIP text encoder's config.json: what the model needs, what is benign, and errors for the
// rest.
#include "draftp/model/clip_text_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/clip_layers.h"
#include "draftp/model/config_checks.h"

namespace draftp {
namespace {

constexpr int64_t kLimit = 1 << 20;  // of sizes: their products stay far from overflow

// Keys that describe the file, training, or text generation, which CLIP doesn't do.
void IgnoreBenignKeys(JsonReader& json) {
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

bool ReadsProjection(JsonReader& json) {
  const std::vector<std::string> architectures =
      json.StringList("architectures", std::vector<std::string>{"CLIPTextModel"});
  if (architectures.size() == 1 && architectures[0] == "CLIPTextModel") return false;
  if (architectures.size() == 1 && architectures[0] == "CLIPTextModelWithProjection") return true;
  json.Fail(
      "architectures",
      absl::StrCat("found ", architectures.empty() ? "an empty list" : Quoted(architectures[0]),
                   ", supported: CLIPTextModel, CLIPTextModelWithProjection"));
  return false;
}

ClipLayerConfig ReadLayerConfig(JsonReader& json) {
  ClipLayerConfig layer;
  layer.hidden_size = json.IntBetween("hidden_size", 1, kLimit, 512);
  layer.intermediate_size = json.IntBetween("intermediate_size", 1, kLimit, 2048);
  layer.num_heads = json.IntBetween("num_attention_heads", 1, kLimit, 8);
  layer.layer_norm_eps = json.Double("layer_norm_eps", 1e-5);
  layer.causal = true;
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

}  // namespace

absl::StatusOr<ClipTextConfig> ParseClipTextConfig(JsonReader json) {
  IgnoreBenignKeys(json);
  RequireUnset(json, "pruned_heads", "attention heads left out");
  RequireUnset(json, "add_cross_attention", "layers that CLIP doesn't have");
  ClipTextConfig config;
  config.vocab_size = json.IntBetween("vocab_size", 1, kLimit, 49408);
  config.num_layers = json.IntBetween("num_hidden_layers", 1, 1000, 12);
  config.max_positions = json.IntBetween("max_position_embeddings", 1, kLimit, 77);
  config.layer = ReadLayerConfig(json);
  config.eos_token_id = json.Int("eos_token_id", 49407);
  config.pools_greatest_id = config.eos_token_id == 2;
  const int64_t projection_dim = json.IntBetween("projection_dim", 1, kLimit, 512);
  config.projection_dim = ReadsProjection(json) ? projection_dim : 0;
  if (json.status().ok() && !config.pools_greatest_id &&
      (config.eos_token_id < 0 || config.eos_token_id >= config.vocab_size)) {
    json.Fail("eos_token_id",
              absl::StrCat("found ", config.eos_token_id, ", expected an id below vocab_size, ",
                           config.vocab_size));
  }
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

absl::StatusOr<ClipTextConfig> ReadClipTextConfig(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  return ParseClipTextConfig(*std::move(json));
}

}  // namespace draftp
