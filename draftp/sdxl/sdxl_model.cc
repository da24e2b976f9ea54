#include "draftp/sdxl/sdxl_model.h"

#include <ATen/ops/empty.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "draftp/adapter/lora_file.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/run/system_limits.h"
#include "draftp/sdxl/model_files.h"

namespace draftp {
namespace {

constexpr int kLoraSlot = 0;

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

absl::Status CheckFit(const std::string& dir, const SdxlModel& model) {
  const UNetConfig& unet = model.unet.config;
  const int64_t context = model.text_encoders.first.config.layer.hidden_size +
                          model.text_encoders.second.config.layer.hidden_size;
  if (unet.cross_attention_dim != context) {
    return absl::InvalidArgumentError(
        absl::StrCat(dir, "/unet/config.json: cross_attention_dim is ", unet.cross_attention_dim,
                     ", expected ", context, ", the text encoders' hidden sizes together"));
  }
  if (unet.in_channels != model.vae.config.latent_channels ||
      unet.out_channels != unet.in_channels) {
    return absl::InvalidArgumentError(
        absl::StrCat(dir, "/unet/config.json: in_channels ", unet.in_channels, " and out_channels ",
                     unet.out_channels, ", expected the ", model.vae.config.latent_channels,
                     " of vae/config.json"));
  }
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

absl::StatusOr<int64_t> DefaultSize(const std::string& dir, const VaeConfig& vae) {
  auto json = JsonReader::Open(dir + "/unet/config.json");
  if (!json.ok()) return json.status();
  const int64_t latent = json->IntBetween("sample_size", 1, 1024, 128);
  if (!json->status().ok()) return json->status();
  return latent * vae.Downsampling();
}

absl::Status LoadTuning(const SdxlSources& sources, const Placement& placement, SdxlModel& model) {
  if (!sources.tuned.empty()) {
    auto tuned =
        LoadFrom(sources.tuned, [&] { return UNet::Load(UNetDir(sources.tuned), placement); });
    if (!tuned.ok()) return tuned.status();
    if (tuned->config.in_channels != model.unet.config.in_channels ||
        tuned->config.cross_attention_dim != model.unet.config.cross_attention_dim) {
      return absl::InvalidArgumentError(
          absl::StrCat(sources.tuned, ": a UNet of another model than ", sources.model));
    }
    model.tuned = *std::move(tuned);
  }
  if (!sources.lora.empty()) {
    const auto adapter = ReadLoraFile(sources.lora);
    if (!adapter.ok()) return adapter.status();
    const absl::Status attached =
        LoadFrom(sources.lora, [&] { return AttachLora(model.unet, *adapter, kLoraSlot); });
    if (!attached.ok()) return attached;
    model.lora_scale = sources.lora_scale;
    model.lora_origin = adapter->origin;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SdxlModel> SdxlModel::Load(const SdxlSources& sources, const ComputeDevice& device) {
  const std::string& dir = sources.model;
  const auto config = ReadPipelineConfig(dir + "/model_index.json");
  if (!config.ok()) return config.status();
  const auto scheduler = ReadSchedulerConfig(dir + "/scheduler/scheduler_config.json");
  if (!scheduler.ok()) return scheduler.status();
  auto tokenizer = ClipTokenizer::Open(dir + "/tokenizer");
  if (!tokenizer.ok()) return tokenizer.status();
  auto tokenizer_2 = ClipTokenizer::Open(dir + "/tokenizer_2");
  if (!tokenizer_2.ok()) return tokenizer_2.status();
  auto text_encoders = LoadFrom(dir, [&] { return SdxlTextEncoders::Load(dir, device.network); });
  if (!text_encoders.ok()) return text_encoders.status();
  auto unet = LoadFrom(dir + "/unet", [&] { return UNet::Load(dir + "/unet", device.network); });
  if (!unet.ok()) return unet.status();
  auto vae =
      LoadFrom(dir + "/vae", [&] { return VaeDecoder::Load(dir + "/vae", device.decoder()); });
  if (!vae.ok()) return vae.status();
  const auto size = DefaultSize(dir, vae->config);
  if (!size.ok()) return size.status();

  SdxlModel model{.config = *config,
                  .scheduler = *scheduler,
                  .tokenizer = *std::move(tokenizer),
                  .tokenizer_2 = *std::move(tokenizer_2),
                  .text_encoders = *std::move(text_encoders),
                  .unet = *std::move(unet),
                  .tuned = std::nullopt,
                  .vae = *std::move(vae),
                  .lora_scale = std::nullopt,
                  .default_size = *size};
  if (absl::Status fit = CheckFit(dir, model); !fit.ok()) return fit;
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
  if (tuned) add(tuned->origin);
  add(lora_origin);
  return origins;
}

std::vector<SdxlNetwork> SdxlModel::Networks() const {
  std::vector<SdxlNetwork> networks = {{.unet = &unet, .adapter = std::nullopt}};
  if (tuned) {
    networks.push_back({.unet = &*tuned, .adapter = std::nullopt});
  } else if (lora_scale) {
    networks.push_back({.unet = &unet, .adapter = kLoraSlot, .adapter_scale = *lora_scale});
  }
  return networks;
}

PromptIds Tokenize(const SdxlModel& model, const std::vector<std::string>& captions,
                   const std::function<void(const std::string&)>& warn) {
  const auto batch = static_cast<int64_t>(captions.size());
  const auto options = at::TensorOptions().dtype(at::kLong);
  PromptIds ids{at::empty({batch, model.tokenizer.max_length()}, options),
                at::empty({batch, model.tokenizer_2.max_length()}, options)};
  for (int64_t b = 0; b < batch; ++b) {
    const ClipTokenizer::Encoded first = model.tokenizer.Encode(captions[b]);
    const ClipTokenizer::Encoded second = model.tokenizer_2.Encode(captions[b]);
    std::copy(first.ids.begin(), first.ids.end(), ids.first[b].mutable_data_ptr<int64_t>());
    std::copy(second.ids.begin(), second.ids.end(), ids.second[b].mutable_data_ptr<int64_t>());
    if (first.truncated || second.truncated) {
      warn(absl::StrCat("the caption ", Quoted(captions[b]), " has ",
                        std::max(first.tokens, second.tokens), " tokens; it is cut at ",
                        model.tokenizer.max_length() - 2));
    }
  }
  return ids;
}

}  // namespace draftp
