// Finds the weight files of a model folder, and reads the index of shards.
#include "draftp/checkpoint/weight_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

// A link that leads nowhere is there, too: opening it says so, and no other file is taken silently.
bool IsThere(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

bool IsFolder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// STEM in the names of what torch.save wrote: transformers calls its model.safetensors so.
std::string TorchStem(const std::string& stem) { return stem == "model" ? "pytorch_model" : stem; }

void AddNames(const std::string& stem, const std::string& kind, std::vector<std::string>& names) {
  names.push_back(stem + kind);
  names.push_back(stem + kind + ".index.json");
  for (const std::string variant : {"fp16", "bf16"}) {
    names.push_back(absl::StrCat(stem, ".", variant, kind));
    names.push_back(absl::StrCat(stem, kind, ".index.", variant, ".json"));
    names.push_back(absl::StrCat(stem, kind, ".", variant, ".index.json"));
    names.push_back(absl::StrCat(stem, ".", variant, kind, ".index.json"));
  }
}

std::vector<std::string> Candidates(const std::string& stem) {
  std::vector<std::string> names;
  AddNames(stem, ".safetensors", names);
  AddNames(TorchStem(stem), ".bin", names);
  return names;
}

// What to say of a folder without any candidate: which weights it has instead.
absl::Status NothingIn(const std::string& folder, const std::string& stem) {
  std::string torch;
  std::string other;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if ((HasTorchExtension(name) || absl::EndsWith(name, ".bin.index.json")) &&
        (torch.empty() || name < torch)) {
      torch = name;
    }
    if (absl::EndsWith(name, ".safetensors") && (other.empty() || name < other)) other = name;
  }
  if (other.empty()) other = torch;
  const std::string found = other.empty() ? "no weights" : Printable(other);
  return absl::NotFoundError(absl::StrCat(Printable(folder, 4096), ": found ", found, ", expected ",
                                          stem, ".safetensors, ", TorchStem(stem),
                                          ".bin or the shards of either"));
}

// Shard names come from a file and must not lead out of its folder.
bool IsPlainName(const std::string& name) {
  return (absl::EndsWith(name, ".safetensors") || absl::EndsWith(name, ".bin")) &&
         name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

absl::StatusOr<WeightFiles> ReadIndex(const std::string& path) {
  const absl::StatusOr<nlohmann::json> json = ReadJsonFile(path);
  if (!json.ok()) return json.status();
  const auto error = [where = Printable(path, 4096)](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
  };
  if (!json->is_object() || !json->contains("weight_map") || !(*json)["weight_map"].is_object()) {
    return error("found no object \"weight_map\", expected tensor names and their shards");
  }
  WeightFiles found{.index = path};
  std::set<std::string> shards;
  for (const auto& [name, shard] : (*json)["weight_map"].items()) {
    if (!shard.is_string() || !IsPlainName(shard.get_ref<const std::string&>())) {
      return error(absl::StrCat(
          "tensor ", Quoted(name), ": found shard ",
          shard.is_string() ? Quoted(shard.get_ref<const std::string&>()) : shard.type_name(),
          ", expected the name of a .safetensors or .bin file in the same folder"));
    }
    found.shard_of[name] = shard.get<std::string>();
    shards.insert(found.shard_of[name]);
  }
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  for (const std::string& shard : shards) {
    if (!IsThere(folder + shard))
      return error(absl::StrCat("found no shard ", Printable(shard), " beside it"));
    found.files.push_back(folder + shard);
  }
  return found;
}

}  // namespace

std::vector<std::string> WeightFiles::All() const {
  std::vector<std::string> all;
  if (!index.empty()) all.push_back(index);
  all.insert(all.end(), files.begin(), files.end());
  return all;
}

absl::StatusOr<WeightFiles> FindWeightFiles(const std::string& path, const std::string& stem) {
  const auto named = [](const std::string& file) -> absl::StatusOr<WeightFiles> {
    if (absl::EndsWith(file, ".json")) return ReadIndex(file);
    return WeightFiles{.files = {file}};
  };
  if (!IsFolder(path)) return named(path);
  for (const std::string& name : Candidates(stem)) {
    const std::string candidate = absl::StrCat(path, absl::EndsWith(path, "/") ? "" : "/", name);
    if (IsThere(candidate)) return named(candidate);
  }
  return NothingIn(path, stem);
}

}  // namespace draftp
