#include "draftp/sdxl/sdxl_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/run/system_limits.h"

namespace draftp {
namespace {

// The ids of a tokenizer against the encoder that takes them. Of the encoder's bos_token_id and
// pad_token_id nothing depends, and SDXL's own config.json has them wrong.
absl::Status CheckTokenizer(const std::string& dir, const std::string& which,
                            const ClipTokenizer& tokenizer, const ClipTextConfig& encoder) {
  const auto error = [&](const std::string& found, const std::string& expected) {
    return absl::InvalidArgumentError(
        absl::StrCat(found, ", expected ", expected, " of text_encoder", which, "/config.json"));
  };
  if (tokenizer.max_length() > encoder.max_positions) {
    return error(
        absl::StrCat(dir, "/tokenizer", which, "/tokenizer_config.json: found model_max_length ",
                     tokenizer.max_length()),
        absl::StrCat("at most max_position_embeddings, ", encoder.max_positions));
  }
  if (tokenizer.vocabulary_size() > encoder.vocab_size) {
    return error(absl::StrCat(tokenizer.vocabulary_file(), ": found ", tokenizer.vocabulary_size(),
                              " tokens"),
                 absl::StrCat("at most vocab_size, ", encoder.vocab_size));
  }
  const std::string end = absl::StrCat(tokenizer.vocabulary_file(), ": found id ",
                                       tokenizer.end_of_text(), " of the end-of-text token");
  if (encoder.pools_greatest_id) {
    // Of a caption with added tokens behind it the greatest of those is pooled, as in transformers.
    const int64_t greatest = tokenizer.base_vocabulary_size() - 1;
    if (tokenizer.end_of_text() >= greatest) return absl::OkStatus();
    return error(end, absl::StrCat("the greatest, ", greatest, ", for eos_token_id 2"));
  }
  if (tokenizer.end_of_text() == encoder.eos_token_id) return absl::OkStatus();
  return error(end, absl::StrCat("eos_token_id, ", encoder.eos_token_id));
}

// `where` is the UNet's config, for messages.
absl::Status CheckUNetFits(const std::string& where, const SdxlModel& model) {
  const UNetConfig& unet = model.unet.config;
  const ClipTextConfig& second = model.text_encoders.second.config;
  const int64_t context =
      model.text_encoders.first.config.layer.hidden_size + second.layer.hidden_size;
  const auto error = [&where](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", what...));
  };
  if (unet.cross_attention_dim != context) {
    return error("cross_attention_dim is ", unet.cross_attention_dim, ", expected ", context,
                 ", the text encoders' hidden sizes together");
  }
  if (unet.in_channels != model.vae.config.latent_channels ||
      unet.out_channels != unet.in_channels) {
    return error("in_channels ", unet.in_channels, " and out_channels ", unet.out_channels,
                 ", expected the ", model.vae.config.latent_channels, " of the VAE");
  }
  // The pooled embedding, and six numbers of the picture's size and place.
  const int64_t added = second.projection_dim + 6 * unet.addition_time_embed_dim;
  if (!unet.text_time() || unet.projection_class_embeddings_input_dim == added)
    return absl::OkStatus();
  return error("projection_class_embeddings_input_dim is ",
               unet.projection_class_embeddings_input_dim, ", expected ", added,
               ", the second text encoder's projection and 6 times addition_time_embed_dim ",
               unet.addition_time_embed_dim);
}

absl::Status CheckTokenizersFit(const std::string& dir, const SdxlModel& model) {
  if (absl::Status fit = CheckTokenizer(dir, "", model.tokenizer, model.text_encoders.first.config);
      !fit.ok()) {
    return fit;
  }
  if (absl::Status fit =
          CheckTokenizer(dir, "_2", model.tokenizer_2, model.text_encoders.second.config);
      !fit.ok()) {
    return fit;
  }
  if (model.tokenizer.max_length() == model.tokenizer_2.max_length()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(dir, "/tokenizer_2/tokenizer_config.json: found model_max_length ",
                   model.tokenizer_2.max_length(), ", expected ", model.tokenizer.max_length(),
                   " as in tokenizer/"));
}

// Height and width in pixels. diffusers' class has no sample_size where the file is silent, its
// pipelines then take 128.
absl::StatusOr<ImageSize> DefaultSize(JsonReader json, const VaeConfig& vae) {
  constexpr char kKey[] = "sample_size";
  const auto latent = json.Has(kKey) ? json.IntOrIntList(kKey, 2) : std::vector<int64_t>{128, 128};
  for (const int64_t side : latent) {
    if (side < 1 || side > 1024)
      json.Fail(kKey, absl::StrCat("found ", side, ", expected 1 to 1024"));
  }
  if (!json.status().ok()) return json.status();
  return ImageSize{latent[0] * vae.Downsampling(), latent[1] * vae.Downsampling()};
}

absl::StatusOr<UNet> LoadUNet(PartSource source, const Placement& placement) {
  const auto config = ParseUNetConfig(std::move(source.config));
  if (!config.ok()) return config.status();
  return LoadFrom(source.where,
                  [&] { return UNet::FromWeights(*config, std::move(source.weights), placement); });
}

absl::StatusOr<VaeDecoder> LoadVae(ModelSource& source, const Placement& placement) {
  auto part = source.Take(ModelPart::kVae);
  if (!part.ok()) return part.status();
  const auto config = ParseVaeConfig(std::move(part->config));
  if (!config.ok()) return config.status();
  return LoadFrom(part->where, [&] {
    return VaeDecoder::FromWeights(*config, std::move(part->weights), placement);
  });
}

absl::StatusOr<ClipText> LoadTextEncoder(ModelSource& source, ModelPart which,
                                         const Placement& placement) {
  auto part = source.Take(which);
  if (!part.ok()) return part.status();
  const auto config = ParseClipTextConfig(part->config);
  if (!config.ok()) return config.status();
  if (which == ModelPart::kTextEncoder2 && config->projection_dim == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(part->config.source(),
                     ": architectures: found a model without projection, expected "
                     "CLIPTextModelWithProjection"));
  }
  return LoadFrom(part->where, [&] {
    return ClipText::FromWeights(*config, std::move(part->weights), placement);
  });
}

absl::StatusOr<SdxlTextEncoders> LoadTextEncoders(ModelSource& source, const Placement& placement) {
  auto first = LoadTextEncoder(source, ModelPart::kTextEncoder, placement);
  if (!first.ok()) return first.status();
  auto second = LoadTextEncoder(source, ModelPart::kTextEncoder2, placement);
  if (!second.ok()) return second.status();
  return SdxlTextEncoders{*std::move(first), *std::move(second)};
}

PromptIds IdsOf(const ClipTokenizer& tokenizer, const ClipTokenizer& tokenizer_2,
                const std::vector<std::string>& captions,
                const std::function<void(const std::string&)>& warn) {
  const auto batch = static_cast<int64_t>(captions.size());
  const auto options = at::TensorOptions().dtype(at::kLong);
  PromptIds ids{at::empty({batch, tokenizer.max_length()}, options),
                at::empty({batch, tokenizer_2.max_length()}, options)};
  for (int64_t b = 0; b < batch; ++b) {
    const ClipTokenizer::Encoded first = tokenizer.Encode(captions[b]);
    const ClipTokenizer::Encoded second = tokenizer_2.Encode(captions[b]);
    std::copy(first.ids.begin(), first.ids.end(), ids.first[b].mutable_data_ptr<int64_t>());
    std::copy(second.ids.begin(), second.ids.end(), ids.second[b].mutable_data_ptr<int64_t>());
    if (first.truncated || second.truncated) {
      warn(absl::StrCat("the caption ", Quoted(captions[b]), " has ",
                        std::max(first.tokens, second.tokens), " tokens; it is cut at ",
                        tokenizer.max_length() - 2));
    }
  }
  return ids;
}

// Encodes an empty prompt on a thread of its own while the rest of a model is loaded: a GPU loads
// each kernel where it is first used, which would add 0.3 s to the first prompt.
class FirstUse {
 public:
  FirstUse(const SdxlTextEncoders& encoders, const PromptIds& ids, const at::Device& device) {
    if (!device.is_cuda()) return;
    thread_ = std::thread([encoders, ids] {
      const at::NoGradGuard no_grad;
      try {
        (void)EncodePrompts(encoders, ids, {}, {});
      } catch (const std::exception&) {
        // What is wrong here is so with the first prompt too, which says it.
      }
    });
  }
  ~FirstUse() {
    if (thread_.joinable()) thread_.join();
  }
  FirstUse(const FirstUse&) = delete;
  FirstUse& operator=(const FirstUse&) = delete;

 private:
  std::thread thread_;
};

absl::Status LoadTuning(const SdxlSources& sources, const Placement& placement, SdxlModel& model) {
  if (!sources.tuned.empty()) {
    auto source = OpenPart(ModelPart::kUNet, sources.tuned);
    if (!source.ok()) return source.status();
    auto tuned = LoadUNet(*std::move(source), placement);
    if (!tuned.ok()) return tuned.status();
    if (tuned->config.in_channels != model.unet.config.in_channels ||
        tuned->config.cross_attention_dim != model.unet.config.cross_attention_dim) {
      return absl::InvalidArgumentError(
          absl::StrCat(sources.tuned, ": a UNet of another model than ", sources.model));
    }
    const auto origin = tuned->origin;
    model.tuned.push_back({.unet = *std::move(tuned), .origins = {origin}});
    return absl::OkStatus();
  }
  auto tuned = LoadAdapters(sources.adapters, sources.adapter_use, model.text_encoders, model.unet);
  if (!tuned.ok()) return tuned.status();
  model.tuned = *std::move(tuned);
  return absl::OkStatus();
}

}  // namespace

AdapterKeys AdapterKeysOf(const SdxlModel& model) {
  return AdapterKeysOf(model.unet, model.text_encoders);
}

absl::StatusOr<SdxlModel> SdxlModel::Load(const SdxlSources& sources, const ComputeDevice& device) {
  const std::string& dir = sources.model;
  auto source = ModelSource::Open(dir, sources.parts);
  if (!source.ok()) return source.status();
  const auto config = source->Pipeline();
  if (!config.ok()) return config.status();
  const auto scheduler = source->Scheduler();
  if (!scheduler.ok()) return scheduler.status();
  auto tokenizer = source->Tokenizer(/*second=*/false);
  if (!tokenizer.ok()) return tokenizer.status();
  auto tokenizer_2 = source->Tokenizer(/*second=*/true);
  if (!tokenizer_2.ok()) return tokenizer_2.status();
  auto text_encoders = LoadTextEncoders(*source, device.network);
  if (!text_encoders.ok()) return text_encoders.status();
  const FirstUse first_use(*text_encoders, IdsOf(*tokenizer, *tokenizer_2, {""}, {}),
                           device.network.device);
  auto unet_source = source->Take(ModelPart::kUNet);
  if (!unet_source.ok()) return unet_source.status();
  JsonReader unet_json = unet_source->config;
  auto unet = LoadUNet(*std::move(unet_source), device.network);
  if (!unet.ok()) return unet.status();
  auto vae = LoadVae(*source, device.decoder());
  if (!vae.ok()) return vae.status();
  const auto size = DefaultSize(unet_json, vae->config);
  if (!size.ok()) return size.status();

  SdxlModel model{.config = *config,
                  .scheduler = *scheduler,
                  .tokenizer = *std::move(tokenizer),
                  .tokenizer_2 = *std::move(tokenizer_2),
                  .text_encoders = *std::move(text_encoders),
                  .unet = *std::move(unet),
                  .vae = *std::move(vae),
                  .default_size = *size,
                  .unet_json = unet_json.object()};
  if (absl::Status fit = CheckUNetFits(unet_json.source(), model); !fit.ok()) return fit;
  if (absl::Status fit = CheckTokenizersFit(dir, model); !fit.ok()) return fit;
  if (absl::Status tuning = LoadTuning(sources, device.network, model); !tuning.ok()) return tuning;
  return model;
}

std::vector<const WeightOrigin*> SdxlModel::LatentOrigins() const {
  std::vector<const WeightOrigin*> origins;
  const auto add = [&origins](const std::shared_ptr<const WeightOrigin>& origin) {
    if (origin != nullptr && std::ranges::find(origins, origin.get()) == origins.end())
      origins.push_back(origin.get());
  };
  add(unet.origin);
  add(text_encoders.first.origin);
  add(text_encoders.second.origin);
  for (const TunedModel& model : tuned) std::ranges::for_each(model.origins, add);
  return origins;
}

std::vector<SdxlNetwork> SdxlModel::Networks() const {
  std::vector<SdxlNetwork> networks = {{.unet = &unet}};
  for (const TunedModel& model : tuned) networks.push_back(model.Network(unet));
  return networks;
}

int SdxlModel::ScaledNetwork() const {
  const auto found = std::ranges::find_if(tuned, &TunedModel::scales_change);
  return found == tuned.end() ? -1 : kTunedNetwork + static_cast<int>(found - tuned.begin());
}

PromptIds Tokenize(const SdxlModel& model, const std::vector<std::string>& captions,
                   const std::function<void(const std::string&)>& warn) {
  return IdsOf(model.tokenizer, model.tokenizer_2, captions, warn);
}

}  // namespace draftp
