#include "draftp/convert/convert.h"

#include <ATen/ops/empty.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/single_file_layout.h"
#include "draftp/checkpoint/single_file_writer.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/format_bytes.h"
#include "draftp/io/printable.h"
#include "draftp/run/exit_code.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

constexpr std::array kParts = {ModelPart::kUNet, ModelPart::kVae, ModelPart::kTextEncoder,
                               ModelPart::kTextEncoder2};

// One part on its way: its config, and its tensors by today's names.
struct OpenedPart {
  ModelPart part;
  nlohmann::json config;
  TensorsToWrite tensors;

  int64_t Bytes() const {
    int64_t bytes = 0;
    for (const auto& [name, tensor] : tensors) {
      int64_t elements = 1;
      for (const int64_t size : tensor.shape) elements *= size;
      bytes += elements * static_cast<int64_t>(c10::elementSize(tensor.dtype));
    }
    return bytes;
  }
};

std::optional<at::ScalarType> DtypeOf(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "float16") return at::kHalf;
  if (name == "bfloat16") return at::kBFloat16;
  return std::nullopt;
}

absl::StatusOr<OpenedPart> OpenNext(ModelSource& source, ModelPart part, const std::string& dtype) {
  absl::StatusOr<PartSource> taken = source.Take(part);
  if (!taken.ok()) return taken.status();
  auto weights = std::make_shared<WeightMap>(std::move(taken->weights));
  absl::StatusOr<TensorsToWrite> tensors = AsStored(std::move(weights), DtypeOf(dtype));
  if (!tensors.ok()) return tensors.status();
  return OpenedPart{part, taken->config.object(), *std::move(tensors)};
}

void Say(const OpenedPart& part, std::ostream& out) {
  out << PartFolder(part.part) << ": " << part.tensors.size() << " tensors, "
      << FormatBytes(part.Bytes()) << '\n';
}

// The published structure of SDXL base, which alone may be called so.
bool IsSdxlBase(const nlohmann::json& unet) {
  return unet.value("block_out_channels", nlohmann::json()) == nlohmann::json({320, 640, 1280}) &&
         unet.value("transformer_layers_per_block", nlohmann::json()) ==
             nlohmann::json({1, 2, 10}) &&
         unet.value("cross_attention_dim", nlohmann::json()) == 2048;
}

absl::Status WriteJson(const std::string& path, const nlohmann::json& json) {
  return WriteFileAtomically(path, json.dump(2) + "\n");
}

std::string ModelIndex(const PipelineConfig& pipeline) {
  return nlohmann::json{{"_class_name", "StableDiffusionXLPipeline"},
                        {"force_zeros_for_empty_prompt", pipeline.force_zeros_for_empty_prompt},
                        {"scheduler", {"diffusers", "EulerDiscreteScheduler"}},
                        {"text_encoder", {"transformers", "CLIPTextModel"}},
                        {"text_encoder_2", {"transformers", "CLIPTextModelWithProjection"}},
                        {"tokenizer", {"transformers", "CLIPTokenizer"}},
                        {"tokenizer_2", {"transformers", "CLIPTokenizer"}},
                        {"unet", {"diffusers", "UNet2DConditionModel"}},
                        {"vae", {"diffusers", "AutoencoderKL"}}}
             .dump(2) +
         "\n";
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directory(path, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(Printable(path, 4096), ": ", error.message()));
}

absl::Status WriteTokenizer(const ModelSource& source, bool second, const std::string& folder) {
  if (absl::Status made = MakeFolder(folder); !made.ok()) return made;
  const auto texts = source.TokenizerTexts(second);
  if (!texts.ok()) return texts.status();
  for (const auto& [name, text] : *texts) {
    if (absl::Status s = WriteFileAtomically(absl::StrCat(folder, "/", name), text); !s.ok())
      return s;
  }
  return absl::OkStatus();
}

absl::Status WriteFolder(const ConvertConfig& config, ModelSource& source, std::ostream& out) {
  auto folder = AtomicFolder::Create(config.out);
  if (!folder.ok()) return folder.status();
  const std::string& to = folder->path();
  for (const ModelPart which : kParts) {
    const auto part = OpenNext(source, which, config.dtype);
    if (!part.ok()) return part.status();
    const std::string below = absl::StrCat(to, "/", PartFolder(which));
    const std::string file = absl::StrCat("/", PartStem(which), ".safetensors");
    if (absl::Status s = MakeFolder(below); !s.ok()) return s;
    if (absl::Status s = WriteJson(below + "/config.json", part->config); !s.ok()) return s;
    if (absl::Status s = WriteSafetensorsOneByOne(below + file, part->tensors, {{"format", "pt"}});
        !s.ok()) {
      return s;
    }
    Say(*part, out);
  }
  for (const bool second : {false, true}) {
    const std::string tokenizer = absl::StrCat(to, second ? "/tokenizer_2" : "/tokenizer");
    if (absl::Status s = WriteTokenizer(source, second, tokenizer); !s.ok()) return s;
  }
  const auto scheduler = source.SchedulerJson();
  if (!scheduler.ok()) return scheduler.status();
  if (absl::Status s = MakeFolder(to + "/scheduler"); !s.ok()) return s;
  if (absl::Status s = WriteJson(to + "/scheduler/scheduler_config.json", scheduler->object());
      !s.ok()) {
    return s;
  }
  const auto pipeline = source.Pipeline();
  if (!pipeline.ok()) return pipeline.status();
  const std::string index = ModelIndex(*pipeline);
  if (absl::Status s = WriteFileAtomically(to + "/model_index.json", index); !s.ok()) return s;
  return folder->Commit();
}

// Marks and metadata of what the tensors don't show: v_pred and ztsnr as ComfyUI and Forge read
// them, ModelSpec 1.0.1's keys, and draftp's own.
absl::Status AddMarks(const ModelSource& source, nlohmann::json configs, const std::string& title,
                      TensorsToWrite& file, std::map<std::string, std::string>& metadata) {
  const auto scheduler = source.SchedulerJson();
  if (!scheduler.ok()) return scheduler.status();
  const nlohmann::json& json = scheduler->object();
  const bool v = json.value("prediction_type", "epsilon") == "v_prediction";
  const auto mark = [&file](const char* name) {
    file[name] = {at::kFloat, {0}, [] { return at::empty({0}, at::kFloat); }};
  };
  if (v) mark("v_pred");
  if (json.value("rescale_betas_zero_snr", false)) mark("ztsnr");
  metadata = {{"format", "pt"},
              {"modelspec.sai_model_spec", "1.0.1"},
              {"modelspec.title", title},
              {"modelspec.prediction_type", v ? "v" : "epsilon"}};
  if (IsSdxlBase(configs["unet"])) {
    metadata["modelspec.architecture"] = "stable-diffusion-xl-v1-base";
    metadata["modelspec.implementation"] = "https://github.com/Stability-AI/generative-models";
    metadata["modelspec.resolution"] = "1024x1024";
  }
  const bool own_vocabulary =
      configs["text_encoder"].value("vocab_size", 0) != ModelSource::kClipVocabulary;
  const auto pipeline = source.Pipeline();
  if (!pipeline.ok()) return pipeline.status();
  if (!pipeline->force_zeros_for_empty_prompt)
    configs["pipeline"] = {{"force_zeros_for_empty_prompt", false}};
  configs["scheduler"] = json;
  metadata[SingleFileLayout::kConfigKey] = configs.dump();
  if (!own_vocabulary) return absl::OkStatus();
  nlohmann::json tokenizers;
  for (const bool second : {false, true}) {
    const auto texts = source.TokenizerTexts(second);
    if (!texts.ok()) return texts.status();
    tokenizers[second ? "tokenizer_2" : "tokenizer"] = *texts;
  }
  metadata[ModelSource::kTokenizerKey] = tokenizers.dump();
  return absl::OkStatus();
}

absl::Status WriteSingleFile(const ConvertConfig& config, ModelSource& source, std::ostream& out) {
  TensorsToWrite file;
  nlohmann::json configs;
  for (const ModelPart which : kParts) {
    const auto part = OpenNext(source, which, config.dtype);
    if (!part.ok()) return part.status();
    configs[PartFolder(which)] = part->config;
    if (absl::Status s = AddSingleFilePart(which, part->tensors, file); !s.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(config.in, 4096), ": ", PartFolder(which), ": ", s.message()));
    }
    Say(*part, out);
  }
  const std::string title = std::filesystem::path(config.out).stem().string();
  std::map<std::string, std::string> metadata;
  if (absl::Status s = AddMarks(source, configs, title, file, metadata); !s.ok()) return s;
  return WriteSafetensorsOneByOne(config.out, file, metadata);
}

}  // namespace

absl::Status RunConvert(const ConvertConfig& config, std::ostream& out) {
  absl::StatusOr<ModelSource> source = ModelSource::Open(config.in, config.parts);
  if (!source.ok()) return AsFailure(source.status());
  const absl::Status written = config.format == "hf" ? WriteFolder(config, *source, out)
                                                     : WriteSingleFile(config, *source, out);
  if (!written.ok()) return AsFailure(written);
  out << "written: " << Printable(config.out, 4096) << '\n';
  return absl::OkStatus();
}

}  // namespace draftp
