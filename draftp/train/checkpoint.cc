#include "draftp/train/checkpoint.h"

#include <ATen/core/grad_mode.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "draftp/adapter/lora_writer.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"
#include "draftp/model/unet_writer.h"
#include "draftp/train/lora_init.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr char kLora[] = "pytorch_lora_weights.safetensors";
constexpr char kPrefix[] = "step_";
constexpr int64_t kMostJson = 1 << 24;  // bytes

std::string CheckpointsDir(const std::string& output_dir) { return output_dir + "/checkpoints"; }

// The checkpoint's trained tensors by parameter name.
absl::StatusOr<std::map<std::string, at::Tensor>> ReadTrained(const std::string& folder,
                                                              const TrainingModel& model) {
  auto weights = model.full() ? WeightMap::Open(folder + "/unet", "diffusion_pytorch_model")
                              : WeightMap::Open(folder + "/" + kLora, "pytorch_lora_weights");
  if (!weights.ok()) return weights.status();
  const std::string prefix = model.full() ? "" : "unet.";
  std::map<std::string, at::Tensor> tensors;
  for (const Parameter& parameter : model.parameters()) {
    std::vector<int64_t> shape = parameter.value.sizes().vec();
    const auto stored = weights->Shape(prefix + parameter.name);
    // 1x1 convolutions that the network computes as products.
    if (model.full() && stored.ok() && stored->size() == 4 && shape.size() == 2)
      shape.insert(shape.end(), {1, 1});
    auto tensor = weights->Take(prefix + parameter.name, shape);
    if (!tensor.ok()) return tensor.status();
    tensors[parameter.name] = tensor->reshape(parameter.value.sizes());
  }
  if (const auto unused = weights->Unused(); !unused.empty()) {
    return absl::DataLossError(
        absl::StrCat(Printable(folder, 4096), ": found tensor ", Printable(unused[0]),
                     ", which this run doesn't train: was the checkpoint made "
                     "with other --target_modules?"));
  }
  return tensors;
}

absl::StatusOr<std::map<std::string, at::Tensor>> ReadTensors(const std::string& path) {
  const auto file = SafetensorsFile::Open(path);
  if (!file.ok()) return file.status();
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : (*file)->names()) {
    auto tensor = (*file)->Tensor(name);
    if (!tensor.ok()) return tensor.status();
    tensors[name] = *std::move(tensor);
  }
  return tensors;
}

// Whether it is a folder of WriteCheckpoint() as that left it, no link to one.
bool IsOwn(const CheckpointFolder& folder) {
  const fs::path path(folder.path);
  std::error_code error;
  return path.filename() == absl::StrFormat("%s%08d", kPrefix, folder.step) &&
         fs::symlink_status(path, error).type() == fs::file_type::directory &&
         fs::symlink_status(path / "trainer.json", error).type() == fs::file_type::regular &&
         HoldsOwnFilesAlone(folder.path);
}

}  // namespace

std::string CheckpointPath(const std::string& output_dir, int64_t step) {
  return absl::StrFormat("%s/%s%08d", CheckpointsDir(output_dir), kPrefix, step);
}

std::vector<CheckpointFolder> ListCheckpoints(const std::string& output_dir) {
  std::vector<CheckpointFolder> folders;
  std::error_code error;
  for (fs::directory_iterator entry(CheckpointsDir(output_dir), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    int64_t step = 0;
    std::error_code unknown;
    if (name.starts_with(kPrefix) && absl::SimpleAtoi(name.substr(sizeof kPrefix - 1), &step) &&
        entry->is_directory(unknown)) {
      folders.push_back({entry->path().string(), step});
    }
  }
  std::ranges::sort(folders, {}, &CheckpointFolder::step);
  return folders;
}

absl::Status WriteTrainedWeights(const std::string& dir, const TrainingModel& model,
                                 const TrainConfig& config,
                                 const std::map<std::string, at::Tensor>& values) {
  if (!model.full()) return WriteTrainedLora(dir + "/" + kLora, model, config, values, at::kFloat);
  Parameters parameters = model.parameters();
  for (Parameter& parameter : parameters) parameter.value = values.at(parameter.name);
  return WriteUNet(dir + "/unet", WithValues(model.tuned(), parameters),
                   model.sdxl().unet_json.dump(2) + "\n", at::kFloat);
}

absl::Status WriteTrainedLora(const std::string& path, const TrainingModel& model,
                              const TrainConfig& config,
                              const std::map<std::string, at::Tensor>& values,
                              at::ScalarType dtype) {
  LoraAdapter adapter = AdapterOf(model.tuned(), 0);
  for (const Parameter& parameter : model.parameters()) {
    const bool first = parameter.name.ends_with(".lora_A.weight");
    LoraLayer& layer = adapter.layers.at(parameter.name.substr(0, parameter.name.size() - 14));
    (first ? layer.a : layer.b) = values.at(parameter.name).detach();
  }
  const std::vector<std::string> targets =
      config.lora.empty() ? TargetSuffixes(config.target_modules) : std::vector<std::string>{};
  return WriteLoraFile(path, adapter, targets, dtype);
}

absl::Status WriteCheckpoint(const std::string& output_dir, const TrainingModel& model,
                             const std::map<std::string, at::Tensor>& values,
                             const std::map<std::string, at::Tensor>& optimizer,
                             const TrainConfig& config, const CheckpointRecord& record) {
  auto folder = AtomicFolder::Create(CheckpointPath(output_dir, record.state.step));
  if (!folder.ok()) return folder.status();
  if (absl::Status s = WriteTrainedWeights(folder->path(), model, config, values); !s.ok())
    return s;
  if (absl::Status s = WriteSafetensors(folder->path() + "/optimizer.safetensors", optimizer);
      !s.ok()) {
    return s;
  }
  if (absl::Status s = WriteFileAtomically(folder->path() + "/trainer.json", ToJsonText(record));
      !s.ok()) {
    return s;
  }
  return folder->Commit();
}

absl::StatusOr<CheckpointRecord> ReadCheckpointRecord(const std::string& folder) {
  const std::string path = folder + "/trainer.json";
  const auto text = ReadFile(path, kMostJson);
  if (!text.ok()) return text.status();
  return ParseTrainerJson(path, *text);
}

absl::Status RestoreCheckpoint(const std::string& folder, const CheckpointRecord& record,
                               TrainingModel& model, AnyShardingPolicy& policy) {
  if (record.full != model.full()) {
    return absl::DataLossError(
        absl::StrCat(Printable(folder, 4096), "/trainer.json: found a checkpoint of ",
                     record.full ? "full fine-tuning" : "a LoRA", ", expected one of ",
                     record.full ? "a LoRA" : "full fine-tuning", " (--lora_rank)"));
  }
  const auto tensors = ReadTrained(folder, model);
  if (!tensors.ok()) return tensors.status();
  const auto optimizer_state = ReadTensors(folder + "/optimizer.safetensors");
  if (!optimizer_state.ok()) return optimizer_state.status();
  absl::Status restored = policy.Restore(*tensors, *optimizer_state, record.optimizer_steps);
  model.ParametersChanged();
  if (restored.ok()) return restored;
  return absl::DataLossError(
      absl::StrCat(Printable(folder, 4096), "/optimizer.safetensors: ", restored.message()));
}

absl::Status LinkTrainedWeights(const std::string& checkpoint, const std::string& dir, bool full) {
  if (!full) return LinkOrCopyAtomically(checkpoint + "/" + kLora, dir + "/" + kLora);
  std::error_code error;
  fs::create_directory(dir + "/unet", error);
  for (fs::directory_iterator entry(checkpoint + "/unet", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    absl::Status linked = LinkOrCopyAtomically(entry->path().string(), dir + "/unet/" + name);
    if (!linked.ok()) return linked;
  }
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(Printable(dir, 4096), "/unet: can't be written: ", error.message()));
}

absl::Status RemoveOldCheckpoints(const std::string& output_dir, int64_t keep, int64_t best_step) {
  std::vector<CheckpointFolder> folders = ListCheckpoints(output_dir);
  std::erase_if(folders, [](const CheckpointFolder& folder) { return !IsOwn(folder); });
  for (size_t i = 0; i + static_cast<size_t>(keep) < folders.size(); ++i) {
    if (folders[i].step == best_step) continue;
    // Under a name that no resume looks for first: a half-removed folder is no checkpoint.
    const fs::path path(folders[i].path);
    const fs::path old = path.parent_path() / absl::StrCat(".", path.filename().string(), ".old");
    std::error_code error;
    fs::rename(path, old, error);
    if (!error) fs::remove_all(old, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat(Printable(path.string(), 4096), ": can't be removed: ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace draftp
