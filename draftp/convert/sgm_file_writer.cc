// The layout of Stability's single files.
#include <ATen/ops/empty.h>
#include <absl/strings/str_cat.h>

#include <filesystem>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/single_file_layout.h"
#include "draftp/convert/model_writer.h"
#include "draftp/io/printable.h"
#include "draftp/sdxl/model_source.h"
#include "draftp/sdxl/model_spec.h"

namespace draftp {
namespace {

using Metadata = std::map<std::string, std::string>;

// The published structure of SDXL base, which alone may be called so.
bool IsSdxlBase(const nlohmann::json& unet) {
  return unet.value("block_out_channels", nlohmann::json()) == nlohmann::json({320, 640, 1280}) &&
         unet.value("transformer_layers_per_block", nlohmann::json()) ==
             nlohmann::json({1, 2, 10}) &&
         unet.value("cross_attention_dim", nlohmann::json()).is_number_integer() &&
         IsSdxlContext(unet.at("cross_attention_dim").get<int64_t>());
}

bool PredictsVelocity(const nlohmann::json& scheduler) {
  return scheduler.value("prediction_type", "epsilon") == "v_prediction";
}

// v_pred and ztsnr as ComfyUI and Forge read them.
void AddMarks(const nlohmann::json& scheduler, TensorsToWrite& file) {
  const auto mark = [&file](const char* name) {
    file[name] = {at::kFloat, {0}, [] { return at::empty({0}, at::kFloat); }};
  };
  if (PredictsVelocity(scheduler)) mark("v_pred");
  if (scheduler.value("rescale_betas_zero_snr", false)) mark("ztsnr");
}

Metadata SpecOf(const ModelToWrite& model, const std::string& title) {
  const bool base = IsSdxlBase(model.of(ModelPart::kUNet).config);
  Metadata metadata =
      ModelSpec({.title = title, .sdxl = base, .velocity = PredictsVelocity(model.scheduler)});
  if (base) metadata["modelspec.resolution"] = "1024x1024";
  return metadata;
}

// Configs, and tokenizers other than CLIP's.
absl::Status AddOwn(const ModelToWrite& model, Metadata& metadata) {
  nlohmann::json configs;
  for (const PartToWrite& part : model.parts) configs[PartFolder(part.part)] = part.config;
  if (!model.pipeline.force_zeros_for_empty_prompt)
    configs["pipeline"] = {{"force_zeros_for_empty_prompt", false}};
  configs["scheduler"] = model.scheduler;
  metadata[SingleFileLayout::kConfigKey] = configs.dump();
  if (configs["text_encoder"].value("vocab_size", 0) == ModelSource::kClipVocabulary)
    return absl::OkStatus();
  nlohmann::json tokenizers;
  for (size_t i = 0; i < model.tokenizers.size(); ++i) {
    if (!model.tokenizers.at(i).ok()) return model.tokenizers.at(i).status();
    tokenizers[i == 0 ? "tokenizer" : "tokenizer_2"] = *model.tokenizers.at(i);
  }
  metadata[ModelSource::kTokenizerKey] = tokenizers.dump();
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteSingleFile(const std::string& path, const ModelToWrite& model) {
  TensorsToWrite file;
  for (const PartToWrite& part : model.parts) {
    if (absl::Status s = AddSingleFilePart(part.part, part.tensors, file); !s.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(model.source, 4096), ": ",
                                                     PartFolder(part.part), ": ", s.message()));
    }
  }
  AddMarks(model.scheduler, file);
  Metadata metadata = SpecOf(model, std::filesystem::path(path).stem().string());
  if (absl::Status s = AddOwn(model, metadata); !s.ok()) return s;
  return WriteSafetensorsOneByOne(path, file, metadata);
}

}  // namespace draftp
