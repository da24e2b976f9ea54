#include "draftp/train/run_lines.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using Json = nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kMaxFileBytes = int64_t{1} << 30;
constexpr size_t kMaxLineBytes = 1 << 20;
constexpr int64_t kMaxStep = 1'000'000'000'000'000;
constexpr size_t kMaxSeries = 256;

void Collect(const std::string& key, const Json& value, double step, RunLines& lines) {
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items())
      Collect(key.empty() ? name : absl::StrCat(key, "/", name), inner, step, lines);
    return;
  }
  if (!value.is_number() && !value.is_null()) return;
  if (lines.series.size() >= kMaxSeries && !lines.series.contains(key)) return;
  RunSeries& series = lines.series[key];
  if (!series.step.empty() && series.step.back() == step) return;  // "a/b" beside a{b}
  series.step.push_back(step);
  series.value.push_back(value.is_number() ? value.get<double>() : kNan);
}

// What is wrong with a line, beginning with `where`; empty: nothing, and `lines` has its numbers.
std::string Add(const std::string& where, std::string_view text, RunLines& lines) {
  if (text.size() > kMaxLineBytes) {
    return absl::StrCat(where, ": found ", text.size(), " bytes, expected at most ", kMaxLineBytes);
  }
  const absl::StatusOr<Json> json = ParseJson(where, text);
  if (!json.ok()) return std::string(json.status().message());
  const auto step = json->is_object() ? json->find("step") : json->end();
  if (step == json->end() || !step->is_number_integer() || *step < 0 || *step > kMaxStep)
    return absl::StrCat(where, ": found ", Quoted(text, 60), ", expected an object with a step");
  const auto number = step->get<int64_t>();
  if (!lines.steps.empty() && number <= lines.steps.back()) {
    return absl::StrCat(where, ": found step ", number, " behind step ", lines.steps.back(),
                        ", expected steps that ascend");
  }
  lines.steps.push_back(number);
  Collect("", *json, static_cast<double>(number), lines);
  return "";
}

}  // namespace

const RunSeries& RunLines::operator[](const std::string& key) const {
  static const RunSeries kNone;
  const auto found = series.find(key);
  return found == series.end() ? kNone : found->second;
}

double RunLines::Last(const std::string& key) const {
  const RunSeries& found = (*this)[key];
  const bool there = !found.step.empty() && found.step.back() == static_cast<double>(steps.back());
  return there ? found.value.back() : kNan;
}

RunLines ParseRunLines(const std::string& source, std::string_view text) {
  RunLines lines;
  const std::string name = Printable(source, 4096);
  int64_t passed = 0;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string wrong =
        Add(absl::StrCat(name, ": line ", number), text.substr(0, end), lines);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!wrong.empty() && passed++ == 0) lines.warning = wrong;
  }
  if (passed == 1) absl::StrAppend(&lines.warning, "; the line is passed over");
  if (passed > 1) {
    absl::StrAppend(&lines.warning, "; it and ", passed - 1,
                    passed == 2 ? " more line" : " more lines", " are passed over");
  }
  return lines;
}

RunLines ReadRunLines(const std::string& path) {
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::not_found)
    return {};
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (text.ok()) return ParseRunLines(path, *text);
  RunLines none;
  none.warning = std::string(text.status().message());
  return none;
}

}  // namespace draftp
