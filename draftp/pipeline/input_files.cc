#include "draftp/pipeline/input_files.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "draftp/io/printable.h"
#include "draftp/io/weight_map.h"
#include "draftp/pipeline/file_hash.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

void AddIfThere(const std::string& role, const std::string& path, std::vector<InputFile>& files) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) files.push_back({role, path});
}

void AddWeights(const std::string& role, const std::string& path, const std::string& stem,
                std::vector<InputFile>& files) {
  const auto weights = WeightMap::Open(path, stem);
  if (!weights.ok()) return;
  for (const std::string& source : weights->sources())
    files.push_back({absl::StrCat(role, fs::path(source).filename().string()), source, true});
}

}  // namespace

std::string UNetDir(const std::string& dir) {
  std::error_code error;
  return fs::is_directory(dir + "/unet", error) ? dir + "/unet" : dir;
}

std::vector<InputFile> ModelFiles(const std::string& dir) {
  std::vector<InputFile> files;
  for (const char* name :
       {"model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json",
        "tokenizer/merges.txt", "tokenizer/tokenizer_config.json",
        "tokenizer/special_tokens_map.json", "tokenizer_2/vocab.json", "tokenizer_2/merges.txt",
        "tokenizer_2/tokenizer_config.json", "tokenizer_2/special_tokens_map.json",
        "unet/config.json", "vae/config.json", "text_encoder/config.json",
        "text_encoder_2/config.json"}) {
    AddIfThere(absl::StrCat("model/", name), absl::StrCat(dir, "/", name), files);
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

InputHashes::InputHashes(std::vector<InputFile> files)
    : files_(std::move(files)), hashes_(absl::UnavailableError("")) {
  thread_ = std::thread([this] {
    const std::string cache = HashCacheFolder();
    std::map<std::string, std::string> hashes;
    for (const InputFile& file : files_) {
      auto hash = RememberedSha256(file.path, cache, &stop_);
      if (!hash.ok()) {
        hashes_ = hash.status();
        return;
      }
      hashes[file.role] = *std::move(hash);
    }
    hashes_ = std::move(hashes);
  });
}

InputHashes::~InputHashes() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

const absl::StatusOr<std::map<std::string, std::string>>& InputHashes::Get() {
  if (thread_.joinable()) thread_.join();
  return hashes_;
}

std::string CombinedHash(const std::map<std::string, std::string>& hashes) {
  if (hashes.size() == 1) return hashes.begin()->second;
  std::string lines;
  for (const auto& [role, hash] : hashes) absl::StrAppend(&lines, role, " ", hash, "\n");
  return Sha256OfText(lines);
}

absl::Status CheckInputsLieElsewhere(const std::vector<InputFile>& files, const std::string& dir,
                                     const std::vector<std::string>& outputs) {
  for (const InputFile& file : files) {
    std::error_code error;
    const fs::path input = fs::canonical(file.path, error);
    if (error) continue;
    for (const std::string& output : outputs) {
      const fs::path place = fs::weakly_canonical(fs::path(dir) / output, error);
      const auto [end, rest] = std::ranges::mismatch(place, input);
      if (error || end != place.end()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--output_dir: found ", Printable(file.path, 1000), ", which this run reads, where its ",
          output, " goes, expected a folder without the run's own inputs"));
    }
  }
  return absl::OkStatus();
}

}  // namespace draftp
