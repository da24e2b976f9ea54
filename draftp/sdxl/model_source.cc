#include "draftp/sdxl/model_source.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "draftp/checkpoint/any_layout.h"
#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/other_model.h"
#include "draftp/checkpoint/single_file_layout.h"
#include "draftp/io/printable.h"
#include "draftp/run/embedded.h"
#include "draftp/sdxl/model_files.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string Flag(ModelPart part) { return absl::StrCat("--", PartFolder(part)); }

std::string FolderOf(ModelPart part, const std::string& path) {
  return FolderBelow(path, PartFolder(part));
}

// Of the JSON under ModelSource::kTokenizerKey, the texts by file of the tokenizer `name`.
absl::StatusOr<TokenizerFiles> FilesInMetadata(const std::string& model, const std::string& text,
                                               const std::string& name) {
  const std::string source =
      absl::StrCat(Printable(model, 4096), ": __metadata__: ", ModelSource::kTokenizerKey);
  absl::StatusOr<nlohmann::json> json = ParseJson(source, text);
  if (!json.ok()) return json.status();
  std::map<std::string, std::string> texts;
  const nlohmann::json files = json->is_object() ? json->value(name, nlohmann::json()) : *json;
  for (const char* file : TokenizerFiles::kNames) {
    if (files.is_object() && files.contains(file) && files[file].is_string())
      texts[file] = files[file].get<std::string>();
  }
  if (!texts.empty()) return TokenizerFiles::Texts(absl::StrCat(source, ": ", name), texts);
  return absl::InvalidArgumentError(absl::StrCat(source, ": found no files of ", name,
                                                 ", expected an object of texts by file name"));
}

absl::StatusOr<PartSource> OpenFolder(ModelPart part, const std::string& folder) {
  absl::StatusOr<JsonReader> config = JsonReader::Open(folder + "/config.json");
  if (!config.ok()) return config.status();
  absl::StatusOr<WeightMap> weights = WeightMap::Open(folder, PartStem(part));
  if (!weights.ok()) return weights.status();
  absl::StatusOr<WeightMap> named = HuggingFaceLayout::TodaysNames(*std::move(weights));
  if (!named.ok()) return named.status();
  return PartSource{folder, *std::move(config), *std::move(named)};
}

// A text encoder's own file doesn't say which of SDXL's two it is: the flag does.
bool Serves(ModelPart found, ModelPart wanted) {
  return found == wanted ||
         (found == ModelPart::kTextEncoder && wanted == ModelPart::kTextEncoder2);
}

absl::StatusOr<PartSource> WithConfig(const std::string& path, ModelPart wanted, LayoutPart part) {
  part.part = wanted;
  // Names are the libraries' by now, whatever the file's layout.
  absl::StatusOr<PartConfig> config = SingleFileLayout::Config(part, "");
  if (!config.ok()) return config.status();
  return PartSource{path, std::move(config->model), std::move(part.weights)};
}

absl::StatusOr<std::vector<LayoutPart>> PartsOf(WeightMap weights) {
  const std::string path = Printable(weights.sources().front(), 4096);
  const auto not_sdxl = [&path](const std::string& found) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found ", found, ", expected ", SingleFileLayout::kExpected));
  };
  if (const std::string other = OtherModel(weights); !other.empty()) return not_sdxl(other);
  const absl::StatusOr<AnyLayout> layout = DetectLayout(weights);
  if (absl::IsNotFound(layout.status())) return not_sdxl("tensors " + FirstNames(weights.names()));
  if (!layout.ok()) return layout.status();
  return layout->Parts(std::move(weights));
}

}  // namespace

absl::StatusOr<PartSource> OpenPart(ModelPart part, const std::string& path) {
  if (IsFolder(path)) return OpenFolder(part, FolderOf(part, path));
  absl::StatusOr<WeightMap> weights = WeightMap::Open(path, PartStem(part));
  if (!weights.ok()) return weights.status();
  absl::StatusOr<std::vector<LayoutPart>> parts = PartsOf(*std::move(weights));
  if (!parts.ok()) return parts.status();
  for (LayoutPart& one : *parts) {
    if (Serves(one.part, part)) return WithConfig(path, part, std::move(one));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Flag(part), ": found ", Printable(path, 4096), ", a file of a ",
                   std::string(PartName(parts->front().part)), ", expected one with a ",
                   std::string(PartName(part))));
}

absl::StatusOr<ModelSource> ModelSource::Open(const std::string& model, const PartPaths& parts) {
  ModelSource source;
  source.model_ = model;
  source.parts_ = parts;
  if (IsFolder(model)) return source;
  absl::StatusOr<WeightMap> weights = WeightMap::Open(model, "");
  if (!weights.ok()) return weights.status();
  source.file_ = std::make_unique<WeightMap>(*weights);
  absl::StatusOr<std::vector<LayoutPart>> in_file = PartsOf(*std::move(weights));
  if (!in_file.ok()) return in_file.status();
  for (LayoutPart& part : *in_file) {
    source.parts_in_file_.emplace_back(PartName(part.part));
    source.in_file_.emplace(part.part, std::move(part));
  }
  return source;
}

absl::StatusOr<PipelineConfig> ModelSource::Pipeline() const {
  if (file_ == nullptr) return ReadPipelineConfig(model_ + "/model_index.json");
  absl::StatusOr<JsonReader> json = SingleFilePipeline(*file_);
  if (!json.ok()) return json.status();
  const bool zeros = json->Bool("force_zeros_for_empty_prompt", true);
  if (!json->status().ok()) return json->status();
  return PipelineConfig{.force_zeros_for_empty_prompt = zeros};
}

absl::StatusOr<SchedulerConfig> ModelSource::Scheduler() const {
  absl::StatusOr<JsonReader> json = SchedulerJson();
  if (!json.ok()) return json.status();
  return ParseSchedulerConfig(*std::move(json));
}

absl::StatusOr<JsonReader> ModelSource::SchedulerJson() const {
  if (file_ == nullptr) return JsonReader::Open(model_ + "/scheduler/scheduler_config.json");
  return SingleFileScheduler(*file_);
}

const std::string& ModelSource::Override(ModelPart part) const {
  switch (part) {
    case ModelPart::kUNet:
      return parts_.unet;
    case ModelPart::kVae:
      return parts_.vae;
    case ModelPart::kTextEncoder:
      return parts_.text_encoder;
    default:
      return parts_.text_encoder_2;
  }
}

absl::StatusOr<PartSource> ModelSource::Take(ModelPart part) {
  if (const std::string& path = Override(part); !path.empty()) return OpenPart(part, path);
  if (file_ == nullptr) return OpenFolder(part, absl::StrCat(model_, "/", PartFolder(part)));
  auto found = in_file_.extract(part);
  if (!found.empty()) return WithConfig(model_, part, std::move(found.mapped()));
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(model_, 4096), ": found ", absl::StrJoin(parts_in_file_, ", "),
      " alone, expected a ", std::string(PartName(part)), ", too, or one by ", Flag(part)));
}

absl::StatusOr<ClipTokenizer> ModelSource::Tokenizer(bool second) const {
  const absl::StatusOr<TokenizerFiles> files = FilesOfTokenizer(second);
  if (!files.ok()) return files.status();
  return ClipTokenizer::Open(*files);
}

absl::StatusOr<std::map<std::string, std::string>> ModelSource::TokenizerTexts(bool second) const {
  const absl::StatusOr<TokenizerFiles> files = FilesOfTokenizer(second);
  if (!files.ok()) return files.status();
  std::map<std::string, std::string> texts;
  for (const char* name : TokenizerFiles::kNames) {
    if (!files->Has(name)) continue;
    absl::StatusOr<std::string> text = files->Read(name, kMaxJsonBytes);
    if (!text.ok()) return text.status();
    texts[name] = *std::move(text);
  }
  return texts;
}

absl::StatusOr<TokenizerFiles> ModelSource::FilesOfTokenizer(bool second) const {
  const std::string name = second ? "tokenizer_2" : "tokenizer";
  const std::string& path = second ? parts_.tokenizer_2 : parts_.tokenizer;
  if (!path.empty()) return TokenizerFiles::Folder(FolderBelow(path, name));
  if (file_ == nullptr) return TokenizerFiles::Folder(absl::StrCat(model_, "/", name));
  const auto own = file_->metadata().find(kTokenizerKey);
  if (own != file_->metadata().end()) return FilesInMetadata(model_, own->second, name);
  const auto encoder = in_file_.find(second ? ModelPart::kTextEncoder2 : ModelPart::kTextEncoder);
  if (encoder != in_file_.end()) {
    const auto shape =
        encoder->second.weights.Shape("text_model.embeddings.token_embedding.weight");
    if (shape.ok() && shape->front() != ModelSource::kClipVocabulary) {
      return absl::InvalidArgumentError(absl::StrCat(
          Printable(model_, 4096), ": found ", shape->front(), " tokens in the ",
          std::string(PartName(encoder->first)), ", expected CLIP's ", ModelSource::kClipVocabulary,
          ", or --", name, " DIR with their vocabulary"));
    }
  }
  const absl::StatusOr<std::string> clip = ClipVocabularyDir();
  if (!clip.ok()) return clip.status();
  return TokenizerFiles::Folder(absl::StrCat(*clip, "/", name));
}

namespace {

// A part's folder or file, under the role model/NAME.
void AddPart(ModelPart part, const std::string& path, std::vector<InputFile>& files) {
  const std::string role = absl::StrCat("model/", PartFolder(part));
  const std::string folder = FolderOf(part, path);
  AddFile(role + "/config.json", folder + "/config.json", files);
  AddWeightFiles(role + "/", folder, PartStem(part), files);
}

void AddTokenizer(const std::string& name, const std::string& folder,
                  std::vector<InputFile>& files) {
  for (const char* file : TokenizerFiles::kNames) {
    AddFile(absl::StrCat("model/", name, "/", file), absl::StrCat(folder, "/", file), files);
  }
}

}  // namespace

std::vector<InputFile> ModelFiles(const std::string& model, const PartPaths& parts) {
  std::vector<InputFile> files;
  const bool folder = IsFolder(model);
  if (folder) {
    for (const char* name : {"model_index.json", "scheduler/scheduler_config.json"})
      AddFile(absl::StrCat("model/", name), absl::StrCat(model, "/", name), files);
  } else {
    AddWeightFiles("model/", model, "", files);
    if (files.size() == 1) files[0].role = "model/checkpoint";  // whatever the file is called
  }
  const auto part = [&](ModelPart which, const std::string& path) {
    if (!path.empty() || folder)
      AddPart(which, path.empty() ? absl::StrCat(model, "/", PartFolder(which)) : path, files);
  };
  part(ModelPart::kUNet, parts.unet);
  part(ModelPart::kVae, parts.vae);
  part(ModelPart::kTextEncoder, parts.text_encoder);
  part(ModelPart::kTextEncoder2, parts.text_encoder_2);
  const auto tokenizer = [&](const std::string& name, const std::string& path) {
    const std::string own = folder ? absl::StrCat(model, "/", name) : "";
    if (!path.empty() || folder) AddTokenizer(name, path.empty() ? own : path, files);
  };
  tokenizer("tokenizer", parts.tokenizer);
  tokenizer("tokenizer_2", parts.tokenizer_2);
  return files;
}

}  // namespace draftp
