#include "draftp/sdxl/model_files.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "draftp/checkpoint/weight_files.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

void AddIfThere(const std::string& role, const std::string& path, std::vector<InputFile>& files) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) files.push_back({role, path});
}

void AddWeights(const std::string& role, const std::string& path, const std::string& stem,
                std::vector<InputFile>& files) {
  const auto found = FindWeightFiles(path, stem);
  if (!found.ok()) return;
  std::error_code error;
  for (const std::string& file : found->All()) {
    if (fs::is_regular_file(file, error))
      files.push_back({absl::StrCat(role, fs::path(file).filename().string()), file, true});
  }
}

}  // namespace

std::string UNetDir(const std::string& dir) {
  std::error_code error;
  return fs::is_directory(dir + "/unet", error) ? dir + "/unet" : dir;
}

std::vector<InputFile> ModelFiles(const std::string& dir) {
  std::vector<InputFile> files;
  for (const char* name :
       {"model_index.json", "scheduler/scheduler_config.json", "unet/config.json",
        "vae/config.json", "text_encoder/config.json", "text_encoder_2/config.json"}) {
    AddIfThere(absl::StrCat("model/", name), absl::StrCat(dir, "/", name), files);
  }
  for (const char* folder : {"tokenizer/", "tokenizer_2/"}) {
    for (const char* name : {"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
                             "special_tokens_map.json", "added_tokens.json"}) {
      AddIfThere(absl::StrCat("model/", folder, name), absl::StrCat(dir, "/", folder, name), files);
    }
  }
  for (const auto& [folder, stem] : std::initializer_list<std::pair<const char*, const char*>>{
           {"unet", "diffusion_pytorch_model"},
           {"vae", "diffusion_pytorch_model"},
           {"text_encoder", "model"},
           {"text_encoder_2", "model"}}) {
    AddWeights(absl::StrCat("model/", folder, "/"), absl::StrCat(dir, "/", folder), stem, files);
  }
  return files;
}

std::vector<InputFile> LoraFiles(const std::string& path) {
  std::vector<InputFile> files;
  AddWeights("fine-tuned/", path, "pytorch_lora_weights", files);
  if (files.size() == 1) files[0].role = "fine-tuned/lora";  // whatever the file is called
  return files;
}

std::vector<InputFile> TunedFiles(const std::string& dir) {
  std::vector<InputFile> files;
  AddIfThere("fine-tuned/unet/config.json", UNetDir(dir) + "/config.json", files);
  AddWeights("fine-tuned/unet/", UNetDir(dir), "diffusion_pytorch_model", files);
  return files;
}

std::vector<InputFile> RewardFiles(const std::string& dir, const std::string& role) {
  std::vector<InputFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry.depth() > 1) entry.disable_recursion_pending();
    const std::string kind = entry->path().extension().string();
    std::error_code unknown;
    if ((kind != ".json" && kind != ".safetensors" && kind != ".txt") ||
        !entry->is_regular_file(unknown)) {
      continue;
    }
    const std::string path = entry->path().string();
    files.push_back({absl::StrCat(role, path.substr(dir.size())), path});
  }
  std::ranges::sort(files, {}, &InputFile::role);
  return files;
}

}  // namespace draftp
