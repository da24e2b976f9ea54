#include "draftp/sdxl/model_files.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "draftp/adapter/adapter_source.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/checkpoint/weight_files.h"
#include "draftp/io/folder_contents.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

// Whether weights of torch.save are what a reward is loaded from: safetensors beside them win.
bool IsReadTorchFile(const std::string& file) {
  if (!HasTorchExtension(file)) return false;
  const fs::path folder = fs::path(file).parent_path();
  const auto found = FindWeightFiles(folder.string(), "model");
  if (found.ok()) {
    const std::vector<std::string> all = found->All();
    return std::ranges::find(all, file) != all.end();
  }
  const std::vector<std::string> names = FolderNames(folder.string());
  return std::ranges::none_of(
      names, [](const std::string& name) { return absl::EndsWith(name, ".safetensors"); });
}

}  // namespace

void AddFile(const std::string& role, const std::string& path, std::vector<InputFile>& files) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) files.push_back({role, path});
}

void AddWeightFiles(const std::string& role, const WeightFiles& found,
                    std::vector<InputFile>& files) {
  std::error_code error;
  for (const std::string& file : found.All()) {
    if (fs::is_regular_file(file, error))
      files.push_back({absl::StrCat(role, fs::path(file).filename().string()), file, true});
  }
}

void AddWeightFiles(const std::string& role, const std::string& path, const std::string& stem,
                    std::vector<InputFile>& files) {
  const auto found = FindWeightFiles(path, stem);
  if (found.ok()) AddWeightFiles(role, *found, files);
}

std::string FolderBelow(const std::string& path, const std::string& name) {
  const std::string below = absl::StrCat(path, "/", name);
  std::error_code error;
  return fs::is_directory(below, error) ? below : path;
}

std::vector<InputFile> LoraFiles(const std::string& path) {
  const auto found = FindAdapter(path);
  if (!found.ok()) return {};
  std::vector<InputFile> files;
  AddWeightFiles("fine-tuned/", found->weights, files);
  if (files.size() == 1) files[0].role = "fine-tuned/lora";  // whatever the file is called
  if (!found->config.empty()) files.push_back({"fine-tuned/adapter_config.json", found->config});
  return files;
}

std::vector<InputFile> TunedFiles(const std::string& dir) {
  std::vector<InputFile> files;
  const std::string unet = FolderBelow(dir, "unet");
  AddFile("fine-tuned/unet/config.json", unet + "/config.json", files);
  AddWeightFiles("fine-tuned/unet/", unet, "diffusion_pytorch_model", files);
  return files;
}

std::vector<InputFile> RewardFiles(const std::string& path, const std::string& role) {
  std::vector<InputFile> files;
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    const std::string folder = fs::path(path).parent_path().string();
    files.push_back({absl::StrCat(role, "/", fs::path(path).filename().string()), path});
    const auto beside = [&](const char* name) {
      AddFile(absl::StrCat(role, "/", name), absl::StrCat(folder, "/", name), files);
    };
    for (const char* name : {"draftp_reward.json", "open_clip_config.json"}) beside(name);
    for (const char* name : TokenizerFiles::kNames) beside(name);
  }
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry.depth() > 1) entry.disable_recursion_pending();
    const std::string kind = entry->path().extension().string();
    const std::string file = entry->path().string();
    std::error_code unknown;
    if ((kind != ".json" && kind != ".safetensors" && kind != ".txt" && !IsReadTorchFile(file)) ||
        !entry->is_regular_file(unknown)) {
      continue;
    }
    files.push_back({absl::StrCat(role, file.substr(path.size())), file});
  }
  std::ranges::sort(files, {}, &InputFile::role);
  return files;
}

}  // namespace draftp
