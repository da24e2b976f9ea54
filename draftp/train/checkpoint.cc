#include "draftp/train/checkpoint.h"

#include <ATen/core/grad_mode.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "draftp/adapter/lora_writer.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/config_json.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"
#include "draftp/io/safetensors.h"
#include "draftp/io/weight_map.h"
#include "draftp/model/unet_writer.h"
#include "draftp/train/lora_init.h"
#include "draftp/train/step_random.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr char kLora[] = "pytorch_lora_weights.safetensors";
constexpr char kPrefix[] = "step_";
constexpr int64_t kMostJson = 1 << 24;  // bytes

std::string CheckpointsDir(const std::string& output_dir) { return output_dir + "/checkpoints"; }

nlohmann::ordered_json ConfigJson(const TrainConfig& config) {
  return ConfigValuesToJson(TrainTable().Print(config));
}

nlohmann::ordered_json StateJson(const TrainerState& state) {
  nlohmann::ordered_json json = {{"step", state.step},
                                 {"consumed_samples", state.consumed_samples},
                                 {"kl_coefficient", state.kl_coefficient},
                                 {"skipped_steps", state.skipped_steps},
                                 {"skipped_in_a_row", state.skipped_in_a_row},
                                 {"best_step", state.best_step}};
  if (state.best_reward) json["best_reward"] = *state.best_reward;
  return json;
}

// The config's keys that may change without changing what is computed.
bool MayChange(const std::string& key) {
  static const std::vector<std::string> keys = {"max_steps",         "save_interval",
                                                "keep_checkpoints",  "val_check_interval",
                                                "output_dir",        "resume",
                                                "dry_run",           "stop_on_alarm",
                                                "validation_images", "images_per_prompt",
                                                "validation_reward", "validation_prompts",
                                                "max_skipped_steps"};
  return std::ranges::find(keys, key) != keys.end();
}

// What differs between the settings of a checkpoint and those of this run, a line each.
void Compare(const nlohmann::json& before, const TrainConfig& config,
             std::vector<std::string>& notices) {
  const nlohmann::ordered_json now = ConfigJson(config);
  for (const auto& [key, value] : now.items()) {
    if (MayChange(key) || !before.contains(key) || before.at(key) == nlohmann::json(value))
      continue;
    notices.push_back(absl::StrCat("--", key, " is ", value.dump(),
                                   ", the checkpoint was made with ", before.at(key).dump()));
  }
}

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

}  // namespace

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

absl::StatusOr<std::string> ModelFingerprint(const SdxlModel& model) {
  constexpr int64_t kPart = 1 << 16;
  uint64_t hash = 0;
  for (const std::string& path : model.weight_files) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const int64_t size = file ? static_cast<int64_t>(file.tellg()) : -1;
    for (const int64_t begin :
         {int64_t{0}, std::max<int64_t>(size / 2, 0), std::max<int64_t>(size - kPart, 0)}) {
      std::string part(std::min(kPart, std::max<int64_t>(size - begin, 0)), '\0');
      file.seekg(begin);
      file.read(part.data(), static_cast<std::streamsize>(part.size()));
      hash = SplitMix64Mix(hash ^ Fnv1a64(part));
    }
    if (!file) return absl::UnavailableError(absl::StrCat(Printable(path), ": can't be read"));
    hash = SplitMix64Mix(hash ^ static_cast<uint64_t>(size));
  }
  return absl::StrFormat("%016x", hash);
}

absl::Status WriteTrainedWeights(const std::string& dir, const TrainingModel& model,
                                 const TrainConfig& config,
                                 const std::map<std::string, at::Tensor>& averages) {
  Parameters parameters = model.parameters();
  for (Parameter& parameter : parameters) {
    if (const auto average = averages.find(parameter.name); average != averages.end())
      parameter.value = average->second;
  }
  if (model.full()) {
    const auto json = ReadFile(config.model + "/unet/config.json", kMostJson);
    if (!json.ok()) return json.status();
    return WriteUNet(dir + "/unet", WithValues(model.tuned(), parameters), *json, at::kFloat);
  }
  LoraAdapter adapter = AdapterOf(model.tuned(), 0);
  for (const Parameter& parameter : parameters) {
    const bool first = parameter.name.ends_with(".lora_A.weight");
    LoraLayer& layer = adapter.layers.at(parameter.name.substr(0, parameter.name.size() - 14));
    (first ? layer.a : layer.b) = parameter.value.detach();
  }
  const std::vector<std::string> targets =
      config.lora.empty() ? TargetSuffixes(config.target_modules) : std::vector<std::string>{};
  return WriteLoraFile(dir + "/" + kLora, adapter, targets);
}

absl::Status WriteCheckpoint(const std::string& output_dir, const TrainingModel& model,
                             const Optimizer& optimizer, const TrainerState& state,
                             const TrainConfig& config) {
  const auto fingerprint = ModelFingerprint(model.sdxl());
  if (!fingerprint.ok()) return fingerprint.status();
  auto folder = AtomicFolder::Create(
      absl::StrFormat("%s/%s%08d", CheckpointsDir(output_dir), kPrefix, state.step));
  if (!folder.ok()) return folder.status();
  if (absl::Status s = WriteTrainedWeights(folder->path(), model, config); !s.ok()) return s;
  if (absl::Status s =
          WriteSafetensors(folder->path() + "/optimizer.safetensors", optimizer.State());
      !s.ok()) {
    return s;
  }
  const nlohmann::ordered_json json = {{"state", StateJson(state)},
                                       {"optimizer_steps", optimizer.steps()},
                                       {"model_fingerprint", *fingerprint},
                                       {"full", model.full()},
                                       {"config", ConfigJson(config)}};
  if (absl::Status s = WriteFileAtomically(folder->path() + "/trainer.json", json.dump(2) + "\n");
      !s.ok()) {
    return s;
  }
  return folder->Commit();
}

absl::StatusOr<TrainerState> ReadCheckpoint(const std::string& folder, TrainingModel& model,
                                            Optimizer& optimizer, const TrainConfig& config,
                                            std::vector<std::string>& notices) {
  const std::string path = folder + "/trainer.json";
  const auto text = ReadFile(path, kMostJson);
  if (!text.ok()) return text.status();
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto torn = [&](const std::string& what) {
    return absl::DataLossError(absl::StrCat(Printable(path, 4096), ": ", what));
  };
  TrainerState state;
  int64_t optimizer_steps = 0;
  std::string fingerprint;
  bool full = false;
  try {
    const auto& s = json.at("state");
    state = {.step = s.at("step"),
             .consumed_samples = s.at("consumed_samples"),
             .kl_coefficient = s.at("kl_coefficient"),
             .skipped_steps = s.at("skipped_steps"),
             .skipped_in_a_row = s.at("skipped_in_a_row"),
             .best_reward = std::nullopt,
             .best_step = s.at("best_step")};
    if (s.contains("best_reward")) state.best_reward = s.at("best_reward").get<double>();
    optimizer_steps = json.at("optimizer_steps");
    fingerprint = json.at("model_fingerprint");
    full = json.at("full");
    Compare(json.at("config"), config, notices);
  } catch (const nlohmann::json::exception&) {
    return torn("found no state of a training run, expected that of a whole checkpoint");
  }
  if (full != model.full()) {
    return torn(absl::StrCat("found a checkpoint of ", full ? "full fine-tuning" : "a LoRA",
                             ", expected one of ", full ? "a LoRA" : "full fine-tuning",
                             " (--lora_rank)"));
  }
  const auto own = ModelFingerprint(model.sdxl());
  if (!own.ok()) return own.status();
  if (*own != fingerprint) {
    return torn(absl::StrCat("found a checkpoint of another base model than --model ",
                             Printable(config.model, 4096)));
  }
  const auto tensors = ReadTrained(folder, model);
  if (!tensors.ok()) return tensors.status();
  const auto optimizer_state = ReadTensors(folder + "/optimizer.safetensors");
  if (!optimizer_state.ok()) return optimizer_state.status();
  if (absl::Status s = optimizer.Restore(*optimizer_state, optimizer_steps); !s.ok()) {
    return absl::DataLossError(
        absl::StrCat(Printable(folder, 4096), "/optimizer.safetensors: ", s.message()));
  }
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : model.parameters())
    parameter.value.detach().copy_(tensors->at(parameter.name));
  RefreshLeaves(model.parameters());
  model.ParametersChanged();
  return state;
}

absl::Status RemoveOldCheckpoints(const std::string& output_dir, int64_t keep, int64_t best_step) {
  const std::vector<CheckpointFolder> folders = ListCheckpoints(output_dir);
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
