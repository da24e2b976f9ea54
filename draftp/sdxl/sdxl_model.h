// An SDXL put together from a folder or a single file: tokenizers, text encoders, UNet, decoder,
// and what was fine-tuned.
#ifndef DRAFTP_SDXL_SDXL_MODEL_H_
#define DRAFTP_SDXL_SDXL_MODEL_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_keys.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/model/conditioning.h"
#include "draftp/model/pipeline_config.h"
#include "draftp/model/scheduler_config.h"
#include "draftp/model/unet.h"
#include "draftp/model/vae_decoder.h"
#include "draftp/run/compute_device.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/sdxl/model_source.h"
#include "draftp/sdxl/sdxl_predictor.h"
#include "draftp/sdxl/tuned_model.h"
#include "draftp/shard/offload.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp {

// What to load: adapters or a fine-tuned UNet or neither.
struct SdxlSources {
  std::string model = {};  // folder with model_index.json, or a single file
  PartPaths parts = {};    // what stands in for parts of it
  std::vector<ScaledAdapter> adapters = {};
  AdapterUse adapter_use = AdapterUse::kApart;
  std::string tuned = {};  // a fine-tuned UNet, as PartPaths::unet; empty: none
};

// Frozen weights on one device. Move it, don't copy: a predictor points into it.
struct SdxlModel {
  PipelineConfig config;
  SchedulerConfig scheduler;
  ClipTokenizer tokenizer;    // CLIP-L's
  ClipTokenizer tokenizer_2;  // bigG's
  SdxlTextEncoders text_encoders;
  UNet unet;
  std::vector<TunedModel> tuned = {};
  VaeDecoder vae;
  ImageSize default_size = {};    // that the UNet was trained for
  nlohmann::json unet_json = {};  // its config as config.json has it
  // What offload_model.h moved to the host: text encoders, to be used within a Use (null: they
  // stay), and how the UNets' pieces get their weights.
  std::shared_ptr<IdleWeights> idle_text_encoders = nullptr;
  AnyPiecePolicy unet_pieces = {};

  // Errors name the file and what is wrong with it, also parts that don't fit together. `device`
  // chooses where.
  static absl::StatusOr<SdxlModel> Load(const SdxlSources& sources, const ComputeDevice& device);

  // What latents come from: the UNet, the text encoders and what was fine-tuned. The decoder's is
  // its own.
  std::vector<const WeightOrigin*> LatentOrigins() const;

  // The mixture's models: 0 the base, from 1 on what was fine-tuned.
  std::vector<SdxlNetwork> Networks() const;
  // Among them the one that carries all adapters (AdapterUse::kCarried); -1: none.
  int ScaledNetwork() const;
};

// Knows the layers of the model's UNet and text encoders.
AdapterKeys AdapterKeysOf(const SdxlModel& model);

// Captions to ids by both tokenizers. `warn` gets a line for each caption that was cut to the
// encoders' length.
PromptIds Tokenize(const SdxlModel& model, const std::vector<std::string>& captions,
                   const std::function<void(const std::string&)>& warn);

}  // namespace draftp

#endif  // DRAFTP_SDXL_SDXL_MODEL_H_
