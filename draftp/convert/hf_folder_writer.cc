// Diffusers' layout.
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <system_error>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/convert/model_writer.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

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

absl::Status WriteJson(const std::string& path, const nlohmann::json& json) {
  return WriteFileAtomically(path, json.dump(2) + "\n");
}

absl::Status WriteTexts(const std::string& folder, const absl::StatusOr<FileTexts>& texts) {
  if (!texts.ok()) return texts.status();
  if (absl::Status made = MakeFolder(folder); !made.ok()) return made;
  for (const auto& [name, text] : *texts) {
    if (absl::Status s = WriteFileAtomically(absl::StrCat(folder, "/", name), text); !s.ok())
      return s;
  }
  return absl::OkStatus();
}

absl::Status WritePart(const std::string& folder, const PartToWrite& part) {
  if (absl::Status s = MakeFolder(folder); !s.ok()) return s;
  if (absl::Status s = WriteJson(folder + "/config.json", part.config); !s.ok()) return s;
  return WriteSafetensorsOneByOne(absl::StrCat(folder, "/", PartStem(part.part), ".safetensors"),
                                  part.tensors, {{"format", "pt"}});
}

}  // namespace

absl::Status WriteModelFolder(const std::string& path, const ModelToWrite& model) {
  auto folder = AtomicFolder::Create(path);
  if (!folder.ok()) return folder.status();
  const std::string to = folder->path() + "/";
  for (const PartToWrite& part : model.parts) {
    if (absl::Status s = WritePart(to + PartFolder(part.part), part); !s.ok()) return s;
  }
  for (size_t i = 0; i < model.tokenizers.size(); ++i) {
    const std::string name = i == 0 ? "tokenizer" : "tokenizer_2";
    if (absl::Status s = WriteTexts(to + name, model.tokenizers.at(i)); !s.ok()) return s;
  }
  if (absl::Status s = MakeFolder(to + "scheduler"); !s.ok()) return s;
  if (absl::Status s = WriteJson(to + "scheduler/scheduler_config.json", model.scheduler); !s.ok())
    return s;
  const std::string index = ModelIndex(model.pipeline);
  if (absl::Status s = WriteFileAtomically(to + "model_index.json", index); !s.ok()) return s;
  return folder->Commit();
}

}  // namespace draftp
