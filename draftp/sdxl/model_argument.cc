#include "draftp/sdxl/model_argument.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "draftp/checkpoint/other_model.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/config/config_path.h"
#include "draftp/io/folder_contents.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr char kWholeModel[] =
    "expected an SDXL: a single .safetensors file, or a folder with model_index.json";

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool IsFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// Letters, digits and what else a user's or a repository's name may have.
bool IsHubWord(const std::string& word) {
  return !word.empty() && word.front() != '.' && word.size() <= 96 &&
         std::ranges::all_of(word, [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

// `path` as it was typed, where that is USER/NAME; else nothing.
std::string HubName(const std::string& path) {
  const auto user = UserFolder();
  if (!user.ok()) return "";
  const fs::path typed = fs::path(path).lexically_relative(*user);
  const std::vector<fs::path> words(typed.begin(), typed.end());
  if (words.size() != 2 || !IsHubWord(words[0].string()) || !IsHubWord(words[1].string()))
    return "";
  return IsFolder(fs::path(path).parent_path()) ? "" : typed.string();
}

absl::Status Mistaken(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("--model: found ", Printable(path, 4096), what));
}

// What can't be opened, loading names.
absl::Status File(const std::string& path) {
  const auto weights = WeightMap::Open(path, "");
  const std::string other = weights.ok() ? OtherModel(*weights) : "";
  return other.empty() ? absl::OkStatus()
                       : Mistaken(path, absl::StrCat(", ", other, "; ", kWholeModel));
}

// The folder with a model_index.json one or, below snapshots/, two levels down; else nothing.
fs::path ModelBelow(const fs::path& folder) {
  const auto main = ReadFile((folder / "refs/main").string(), 100);
  if (main.ok() && Exists(folder / "snapshots" / *main / "model_index.json"))
    return folder / "snapshots" / *main;
  for (const fs::path& parent : {folder, folder / "snapshots"}) {
    for (const std::string& name : FolderNames(parent.string())) {
      if (Exists(parent / name / "model_index.json")) return parent / name;
    }
  }
  return {};
}

absl::Status Folder(const std::string& path) {
  const fs::path folder(path);
  if (const fs::path below = ModelBelow(folder); !below.empty()) {
    return Mistaken(path, absl::StrCat(", expected the folder in it that has model_index.json: ",
                                       Printable(below.string(), 4096)));
  }
  for (const char* name :
       {"pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin", "adapter_model.safetensors",
        "adapter_model.bin", "adapter_config.json"}) {
    if (Exists(folder / name))
      return Mistaken(path,
                      absl::StrCat(", the folder of a LoRA, ", kWholeModel, "; --lora takes it"));
  }
  if (Exists(folder / "unet") || Exists(folder / "diffusion_pytorch_model.safetensors") ||
      Exists(folder / "diffusion_pytorch_model.bin"))
    return Mistaken(path,
                    absl::StrCat(", a part of a model without model_index.json, ", kWholeModel));
  for (const std::string& name : FolderNames(path)) {
    if (absl::EndsWith(name, ".safetensors") || HasTorchExtension(name))
      return Mistaken(path, absl::StrCat(", a folder, expected the file in it: ",
                                         Printable((folder / name).string(), 4096)));
  }
  return absl::NotFoundError(absl::StrCat(
      Printable(path, 4096), "/model_index.json: can't read: No such file or directory, ",
      kWholeModel, "; ", FolderContents(path)));
}

}  // namespace

absl::Status CheckNoHubName(const std::string& flag, const std::string& path) {
  const std::string name = Exists(path) ? "" : HubName(path);
  if (name.empty()) return absl::OkStatus();
  const std::string folder = fs::path(name).filename().string();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": found ", name,
                   ", which isn't here, expected a path; from the Hugging "
                   "Face Hub: hf download ",
                   name, " --local-dir ", folder, ", then ", flag, " ", folder));
}

absl::Status CheckModelArgument(const std::string& path) {
  if (!Exists(path)) return CheckNoHubName("--model", path);
  if (!IsFolder(path)) return File(path);
  return Exists(fs::path(path) / "model_index.json") ? absl::OkStatus() : Folder(path);
}

}  // namespace draftp
