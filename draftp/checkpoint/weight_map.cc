// Finds the weight files of a model folder, joins shards, and hands tensors out by name.
#include "draftp/checkpoint/weight_map.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/json_file.h"
#include "draftp/io/nearest_name.h"
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

std::vector<std::string> Candidates(const std::string& stem) {
  std::vector<std::string> names = {stem + ".safetensors", stem + ".safetensors.index.json"};
  for (const std::string variant : {"fp16", "bf16"}) {
    names.push_back(absl::StrCat(stem, ".", variant, ".safetensors"));
    names.push_back(absl::StrCat(stem, ".safetensors.index.", variant, ".json"));
    names.push_back(absl::StrCat(stem, ".safetensors.", variant, ".index.json"));
    names.push_back(absl::StrCat(stem, ".", variant, ".safetensors.index.json"));
  }
  return names;
}

// What to say of a folder without any candidate: which weights it has instead.
absl::Status NothingIn(const std::string& folder, const std::string& stem) {
  std::string pickled;
  std::string other;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    for (const char* suffix : {".bin", ".bin.index.json", ".ckpt", ".pt", ".pth"}) {
      if (absl::EndsWith(name, suffix) && (pickled.empty() || name < pickled)) pickled = name;
    }
    if (absl::EndsWith(name, ".safetensors") && (other.empty() || name < other)) other = name;
  }
  const std::string where = Printable(folder, 4096);
  if (!other.empty()) {
    return absl::NotFoundError(absl::StrCat(where, ": found ", Printable(other), ", expected ",
                                            stem, ".safetensors or its shards"));
  }
  if (!pickled.empty()) {
    return absl::NotFoundError(
        absl::StrCat(where, ": found only ", Printable(pickled), ", expected ", stem,
                     ".safetensors (pickled weights aren't read, convert them to safetensors)"));
  }
  return absl::NotFoundError(
      absl::StrCat(where, ": found no weights, expected ", stem, ".safetensors or its shards"));
}

// Shard names come from a file and must not lead out of its folder.
bool IsPlainName(const std::string& name) {
  return absl::EndsWith(name, ".safetensors") && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace

absl::StatusOr<WeightMap> WeightMap::Open(const std::string& path, const std::string& stem) {
  if (!IsFolder(path)) return absl::EndsWith(path, ".json") ? OpenIndex(path) : OpenFile(path);
  for (const std::string& name : Candidates(stem)) {
    const std::string candidate = absl::StrCat(path, absl::EndsWith(path, "/") ? "" : "/", name);
    if (!IsThere(candidate)) continue;
    return absl::EndsWith(name, ".json") ? OpenIndex(candidate) : OpenFile(candidate);
  }
  return NothingIn(path, stem);
}

absl::StatusOr<WeightMap> WeightMap::OpenFile(const std::string& path) {
  const absl::StatusOr<std::shared_ptr<const SafetensorsFile>> file = SafetensorsFile::Open(path);
  if (!file.ok()) return file.status();
  WeightMap map;
  map.Add(*file);
  return map;
}

absl::StatusOr<WeightMap> WeightMap::OpenIndex(const std::string& path) {
  const absl::StatusOr<nlohmann::json> json = ReadJsonFile(path);
  if (!json.ok()) return json.status();
  const auto error = [where = Printable(path, 4096)](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
  };
  if (!json->is_object() || !json->contains("weight_map") || !(*json)["weight_map"].is_object()) {
    return error("found no object \"weight_map\", expected tensor names and their shards");
  }
  std::map<std::string, std::string> shard_of;
  std::set<std::string> shards;
  for (const auto& [name, shard] : (*json)["weight_map"].items()) {
    if (!shard.is_string() || !IsPlainName(shard.get_ref<const std::string&>())) {
      return error(absl::StrCat(
          "tensor ", Quoted(name), ": found shard ",
          shard.is_string() ? Quoted(shard.get_ref<const std::string&>()) : shard.type_name(),
          ", expected the name of a .safetensors file in the same folder"));
    }
    shard_of[name] = shard.get<std::string>();
    shards.insert(shard_of[name]);
  }
  WeightMap map;
  map.sources_.push_back(path);
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  for (const std::string& shard : shards) {
    if (!IsThere(folder + shard))
      return error(absl::StrCat("found no shard ", Printable(shard), " beside it"));
    const auto file = SafetensorsFile::Open(folder + shard);
    if (!file.ok()) return file.status();
    for (const std::string& name : (*file)->names()) {
      const auto listed = shard_of.find(name);
      if (listed == shard_of.end() || listed->second != shard) {
        return error(absl::StrCat(
            "found tensor ", Quoted(name), " in ", Printable(shard), ", expected it ",
            listed == shard_of.end() ? "in weight_map, too" : "in " + Printable(listed->second)));
      }
    }
    map.Add(*file);
  }
  for (const auto& [name, shard] : shard_of) {
    if (!map.Contains(name)) {
      return error(absl::StrCat("found no tensor ", Quoted(name), " in ", Printable(shard),
                                ", expected it as weight_map says"));
    }
  }
  return map;
}

WeightMap WeightMap::FromTensors(std::map<std::string, at::Tensor> tensors,
                                 const std::string& source) {
  WeightMap map;
  map.sources_.push_back(source);
  for (auto& [name, tensor] : tensors) map.items_.emplace(name, std::move(tensor));
  return map;
}

void WeightMap::Add(const std::shared_ptr<const SafetensorsFile>& file) {
  sources_.push_back(file->path());
  metadata_.insert(file->metadata().begin(), file->metadata().end());
  for (const std::string& name : file->names()) items_.emplace(name, file);
}

std::string WeightMap::Where(const std::string& name) const {
  const auto found = items_.find(name);
  std::string source = sources_.front();
  if (found != items_.end()) {
    const auto* file = std::get_if<std::shared_ptr<const SafetensorsFile>>(&found->second);
    if (file != nullptr) source = (*file)->path();
  }
  return absl::StrCat(Printable(source, 4096), ": tensor ", Quoted(name));
}

absl::Status WeightMap::Absent(const std::string& name) const {
  const std::optional<std::string> nearest = NearestName(name, names());
  return absl::NotFoundError(absl::StrCat(
      Where(name), ": found no such tensor, expected it to be there",
      nearest.has_value() ? absl::StrCat(" (the nearest name is ", Quoted(*nearest), ")") : ""));
}

absl::StatusOr<std::vector<int64_t>> WeightMap::Shape(const std::string& name) const {
  const auto found = items_.find(name);
  if (found == items_.end()) return Absent(name);
  if (const auto* tensor = std::get_if<at::Tensor>(&found->second)) return tensor->sizes().vec();
  return std::get<std::shared_ptr<const SafetensorsFile>>(found->second)->Entry(name)->shape;
}

absl::StatusOr<at::Tensor> WeightMap::Take(const std::string& name,
                                           const std::vector<int64_t>& shape) {
  const auto found = items_.find(name);
  if (found == items_.end()) return Absent(name);
  used_.insert(name);
  const auto* file = std::get_if<std::shared_ptr<const SafetensorsFile>>(&found->second);
  absl::StatusOr<at::Tensor> tensor =
      file == nullptr ? absl::StatusOr<at::Tensor>(std::get<at::Tensor>(found->second))
                      : (*file)->Tensor(name);
  if (!tensor.ok()) return tensor.status();
  if (tensor->sizes() != at::IntArrayRef(shape)) {
    return absl::InvalidArgumentError(absl::StrCat(Where(name), ": found shape ",
                                                   ShapeText(tensor->sizes().vec()), ", expected ",
                                                   ShapeText(shape)));
  }
  if (!at::isFloatingType(tensor->scalar_type())) {
    return absl::InvalidArgumentError(absl::StrCat(Where(name), ": found dtype ",
                                                   c10::toString(tensor->scalar_type()),
                                                   ", expected a floating-point one"));
  }
  return tensor;
}

WeightMap WeightMap::Extract(const std::vector<std::string>& prefixes) {
  WeightMap part;
  part.sources_ = sources_;
  part.metadata_ = metadata_;
  for (auto it = items_.begin(); it != items_.end();) {
    const auto here = it++;
    if (std::any_of(prefixes.begin(), prefixes.end(), [&here](const std::string& prefix) {
          return absl::StartsWith(here->first, prefix);
        })) {
      part.items_.insert(items_.extract(here));
    }
  }
  return part;
}

std::vector<std::string> WeightMap::names() const {
  std::vector<std::string> names;
  for (const auto& [name, item] : items_) names.push_back(name);
  return names;
}

std::vector<std::string> WeightMap::Unused() const {
  std::vector<std::string> unused;
  for (const auto& [name, item] : items_) {
    if (!used_.contains(name)) unused.push_back(name);
  }
  return unused;
}

}  // namespace draftp
