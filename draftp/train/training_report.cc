#include "draftp/train/training_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "draftp/io/config_row.h"
#include "draftp/io/html_report.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::vector<Json> ReadLines(const std::string& path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) lines.push_back(std::move(json));
  }
  return lines;
}

// A number at `pointer`; NaN where it isn't one.
double NumberAt(const Json& json, const char* pointer) {
  const Json::json_pointer place(pointer);
  const bool found = json.contains(place) && json.at(place).is_number();
  return found ? json.at(place).get<double>() : std::numeric_limits<double>::quiet_NaN();
}

ReportCurve Curve(const std::vector<Json>& lines, const std::string& name, const char* pointer,
                  const std::string& unit = "") {
  ReportCurve curve{.name = name, .unit = unit, .x = {}, .y = {}};
  for (const Json& line : lines) {
    curve.x.push_back(NumberAt(line, "/step"));
    curve.y.push_back(NumberAt(line, pointer));
  }
  return curve;
}

std::string ReadBytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The first and the last validation's sheet.
std::vector<ReportImage> Sheets(const std::string& output_dir, const std::vector<Json>& lines) {
  std::vector<ReportImage> images;
  for (size_t i = 0; i < lines.size(); i += std::max<size_t>(lines.size() - 1, 1)) {
    const auto step = static_cast<int64_t>(NumberAt(lines[i], "/step"));
    const std::string png =
        ReadBytes(absl::StrFormat("%s/validation/step_%08d.png", output_dir, step));
    if (png.empty()) continue;
    images.push_back({absl::StrFormat("After %d steps: the fine-tuned model above the base, from "
                                      "the same noise",
                                      step),
                      png});
  }
  return images;
}

}  // namespace

absl::Status WriteTrainingReport(const TrainConfig& config,
                                 const std::vector<std::string>& warnings) {
  const std::vector<Json> steps = ReadLines(config.output_dir + "/log.jsonl");
  const std::vector<Json> validations = ReadLines(config.output_dir + "/validation.jsonl");
  Report report{.title = "DRaFT+ training",
                .summary = absl::StrFormat("%d steps of %d images by %s.", steps.size(),
                                           config.global_batch_size, config.objective),
                .facts = {},
                .warnings = warnings,
                .curves = {},
                .images = Sheets(config.output_dir, validations),
                .settings = {}};
  if (!validations.empty()) {
    const Json& last = validations.back();
    const auto fact = [&](const std::string& name, const char* tuned, const char* base) {
      report.facts.emplace_back(
          name, absl::StrFormat("%.3f (base %.3f)", NumberAt(last, tuned), NumberAt(last, base)));
    };
    fact("Validation reward", "/tuned/reward", "/base/reward");
    fact("Diversity", "/tuned/diversity", "/base/diversity");
    if (last.at("tuned").at("held_out").is_number())
      fact("Held-out reward", "/tuned/held_out", "/base/held_out");
  }
  report.curves = {Curve(steps, "Reward", "/reward"),
                   Curve(steps, "KL to the base model", "/kl"),
                   Curve(steps, "Gradient norm", "/grad_norm"),
                   Curve(steps, "Loss", "/loss"),
                   Curve(steps, "Clamped pixels", "/clamped", "share"),
                   Curve(steps, "Learning rate", "/lr"),
                   Curve(steps, "Time a step", "/seconds", "s"),
                   Curve(validations, "Validation reward", "/tuned/reward"),
                   Curve(validations, "Validation diversity", "/tuned/diversity")};
  if (!config.validation_reward.empty())
    report.curves.push_back(Curve(validations, "Held-out reward", "/tuned/held_out"));
  for (const auto& [key, value] : TrainTable().Print(config))
    report.settings.emplace_back(key, PlainText(value));
  return WriteReport(config.output_dir + "/report.html", report);
}

}  // namespace draftp
