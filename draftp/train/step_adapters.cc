#include "draftp/train/step_adapters.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "draftp/io/printable.h"
#include "draftp/train/checkpoint.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step_", kSuffix = ".safetensors";

// The steps whose adapters are there, with their files.
std::map<int64_t, fs::path> StepAdapters(const std::string& output_dir) {
  std::map<int64_t, fs::path> adapters;
  std::error_code error, unknown;
  for (fs::directory_iterator entry(output_dir + "/adapters", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const std::string digits =
        name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
    int64_t step = 0;
    if (absl::SimpleAtoi(digits, &step) && entry->path() == StepAdapterPath(output_dir, step) &&
        entry->symlink_status(unknown).type() == fs::file_type::regular) {
      adapters[step] = entry->path();
    }
  }
  return adapters;
}

}  // namespace

std::string StepAdapterPath(const std::string& output_dir, int64_t step) {
  return absl::StrFormat("%s/adapters/%s%08d%s", output_dir, kPrefix, step, kSuffix);
}

absl::Status WriteStepAdapter(const std::string& output_dir, int64_t step,
                              const TrainingModel& model, const TrainConfig& config,
                              const std::map<std::string, at::Tensor>& values) {
  return WriteTrainedLora(StepAdapterPath(output_dir, step), model, config, values, at::kBFloat16);
}

absl::Status RemoveOldStepAdapters(const std::string& output_dir, int64_t keep) {
  if (keep < 0) return absl::OkStatus();
  const std::map<int64_t, fs::path> adapters = StepAdapters(output_dir);
  auto left = static_cast<int64_t>(adapters.size());
  for (const auto& [step, path] : adapters) {
    if (left-- <= keep) break;
    std::error_code error;
    fs::remove(path, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat(Printable(path.string(), 4096), ": can't be removed: ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace draftp
