#include "draftp/anneal/anneal_ranks.h"

#include <ATen/ops/empty.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "draftp/config/config_row.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/printable.h"
#include "draftp/version.h"

namespace draftp {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

// One line that differs where `value` does.
std::string ShownValue(const std::string& value) {
  std::string shown = Printable(value);
  return shown == value ? shown : absl::StrCat(shown, " (SHA-256 ", Sha256OfText(value), ")");
}

}  // namespace

absl::Status CheckSameSettings(const AnnealConfig& config, World& world) {
  static const std::vector<std::string> own = {"device", "nproc", "timeout", "output_dir"};
  Values values = {{"draftp", kVersion}};
  for (const auto& [key, value] : AnnealTable().Print(config)) {
    if (std::ranges::find(own, key) == own.end())
      values.emplace_back(absl::StrCat("--", key), ShownValue(PlainText(value)));
  }
  return world.CheckSame("configuration", values);
}

absl::Status CheckSameIdentity(const RunIdentity& identity, World& world) {
  Values values;
  for (const auto& [key, value] : identity.settings)
    values.emplace_back(absl::StrCat("--", key), ShownValue(value));
  for (const auto& [role, hash] : identity.inputs)
    values.emplace_back(absl::StrCat(role, " (SHA-256)"), hash);
  return world.CheckSame("weights", values);
}

absl::Status JoinPair(const ComputeDevice& device, World& world) {
  const std::string kind = device.is_cuda() ? "cuda" : "cpu";
  if (absl::Status same = world.CheckSame("devices", {{"--device", kind}}); !same.ok()) return same;
  return world.Agree("GPUs", device.is_cuda() ? world.UseGpu() : absl::OkStatus());
}

Meetings::Meetings(World& world, double timeout)
    : world_(world),
      interval_(std::min(timeout / 4, 60.0)),
      last_(std::chrono::steady_clock::now()) {}

bool Meetings::Meet(bool draws) {
  const bool anyone_draws = world_.Any("pictures", draws);
  last_ = std::chrono::steady_clock::now();
  return anyone_draws;
}

void Meetings::WhileDrawing() {
  if (world_.size() == 1 || std::chrono::steady_clock::now() - last_ < interval_) return;
  Meet(true);
}

void Meetings::UntilAllHaveDrawn() {
  while (Meet(false)) {
  }
}

std::vector<int64_t> SumOverRanks(const std::string& what, const std::vector<int64_t>& own,
                                  World& world) {
  const at::Tensor sums = at::empty({static_cast<int64_t>(own.size())}, at::kLong);
  std::ranges::copy(own, sums.data_ptr<int64_t>());
  world.Sum(what, sums);
  return {sums.data_ptr<int64_t>(), sums.data_ptr<int64_t>() + own.size()};
}

}  // namespace draftp
