#include "draftp/train/kohya_file.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "draftp/adapter/kohya_writer.h"
#include "draftp/adapter/lora_file.h"
#include "draftp/io/last_name.h"
#include "draftp/io/png.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"
#include "draftp/model/adapter_merge.h"
#include "draftp/report/base64.h"
#include "draftp/report/thumbnail.h"
#include "draftp/sdxl/model_spec.h"
#include "draftp/version.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

// `png` in at most 256 x 256 pixels as a data URI; empty where it is none.
std::string ThumbnailOf(const std::string& png) {
  constexpr int kSide = 256;  // ModelSpec 1.0.1
  const auto sheet = DecodePng("sheet", png);
  if (!sheet.ok()) return "";
  const auto small = EncodePng(FitInto(sheet->image, kSide, kSide));
  return small.ok() ? absl::StrCat("data:image/png;base64,", Base64(*small)) : "";
}

}  // namespace

std::string NewestSheet(const std::string& output_dir) {
  std::string newest;
  std::error_code error;
  for (fs::directory_iterator it(output_dir + "/validation", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("step_") && name.ends_with(".png")) newest = std::max(newest, name);
  }
  return newest.empty() ? "" : "validation/" + newest;
}

std::map<std::string, std::string> KohyaMetadata(const TrainConfig& config,
                                                 const TrainingModel& model, int64_t step,
                                                 const std::string& cover) {
  const SdxlModel& sdxl = model.sdxl();
  const int64_t height =
      config.sampling.height > 0 ? config.sampling.height : sdxl.default_size.height;
  const int64_t width = config.sampling.width > 0 ? config.sampling.width : sdxl.default_size.width;
  const bool velocity = sdxl.scheduler.prediction_type == PredictionType::kVPrediction;
  std::map<std::string, std::string> metadata = {
      {"ss_output_name", fs::path(kKohyaFile).stem().string()},
      {"ss_sd_model_name", LastName(config.model)},
      {"ss_resolution", absl::StrCat("(", width, ", ", height, ")")},
      {"ss_steps", absl::StrCat(step)},
      {"ss_seed", absl::StrCat(config.seed)},
      {"ss_training_comment", absl::StrCat("DRaFT+ by draftp ", kVersion)},
      {"modelspec.resolution", absl::StrCat(width, "x", height)},
      {"modelspec.date", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone())}};
  metadata.merge(ModelSpec({.title = LastName(config.output_dir),
                            .sdxl = IsSdxlContext(sdxl.unet.config.cross_attention_dim),
                            .lora = true,
                            .velocity = velocity}));
  if (cover.empty()) return metadata;
  metadata["ssmd_cover_images"] = nlohmann::json(std::vector{Base64(cover)}).dump();
  if (std::string thumbnail = ThumbnailOf(cover); !thumbnail.empty())
    metadata["modelspec.thumbnail"] = std::move(thumbnail);
  return metadata;
}

absl::Status WriteKohyaFile(const TrainConfig& config, const TrainingModel& model, int64_t step) {
  constexpr int64_t kLargestCover = 2 << 20;
  const std::string& dir = config.output_dir;
  const auto adapter = ReadLoraFile(dir + "/pytorch_lora_weights.safetensors");
  if (!adapter.ok()) return adapter.status();
  std::string cover;
  if (const std::string sheet = NewestSheet(dir); !sheet.empty()) {
    const auto png = ReadFile(absl::StrCat(dir, "/", sheet), kLargestCover);
    if (png.ok()) cover = *png;  // a larger one would make the header too long to read at once
  }
  return WriteKohyaLora(absl::StrCat(dir, "/", kKohyaFile), *adapter, LayerPaths(model.tuned()),
                        KohyaMetadata(config, model, step, cover));
}

}  // namespace draftp
