#include "draftp/reward/composite_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "draftp/config/config_value.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

absl::Status SpecError(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("--reward: ", what));
}

absl::StatusOr<CompositeReward::Spec> ParseSpec(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, ':');
  CompositeReward::Spec spec;
  spec.path = fields[0];
  if (spec.path.empty()) {
    return SpecError(
        absl::StrCat("found ", Quoted(text), ", expected DIR[:weight[:offset[:scale]]]"));
  }
  if (fields.size() > 4) {
    return SpecError(absl::StrCat("found ", fields.size() - 1, " numbers in ", Quoted(text),
                                  ", expected DIR[:weight[:offset[:scale]]]"));
  }
  constexpr const char* kNames[] = {"weight", "offset", "scale"};
  double* const numbers[] = {&spec.weight, &spec.offset, &spec.scale};
  for (size_t i = 1; i < fields.size(); ++i) {
    const std::optional<double> number = ParseFiniteDouble(fields[i]);
    if (!number) {
      return SpecError(absl::StrCat("found ", kNames[i - 1], " ", Quoted(fields[i]), " in ",
                                    Quoted(text), ", expected a finite number"));
    }
    *numbers[i - 1] = *number;
  }
  if (spec.scale == 0) {
    return SpecError(absl::StrCat("found scale 0 in ", Quoted(text), ", expected another number"));
  }
  return spec;
}

}  // namespace

absl::StatusOr<std::vector<CompositeReward::Spec>> CompositeReward::ParseSpecs(
    const std::string& text) {
  std::vector<Spec> specs;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    absl::StatusOr<Spec> spec = ParseSpec(part);
    if (!spec.ok()) return spec.status();
    specs.push_back(*std::move(spec));
  }
  if (std::all_of(specs.begin(), specs.end(), [](const Spec& spec) { return spec.weight == 0; })) {
    return SpecError("found weight 0 alone, expected a reward that counts");
  }
  return specs;
}

absl::StatusOr<CompositeReward> CompositeReward::Load(std::span<const Spec> specs,
                                                      const ClipRewardOptions& options) {
  if (specs.empty()) return SpecError("found no reward, expected at least one");
  std::vector<RewardMember> members;
  std::set<std::string> names;
  for (const Spec& spec : specs) {
    absl::StatusOr<AnyReward> reward = AnyReward::Load(spec.path, options);
    if (!reward.ok()) return reward.status();
    if (!names.insert(reward->name()).second) {
      return SpecError(absl::StrCat(
          "found two rewards named ", Quoted(reward->name()), ", the second at ",
          Printable(spec.path, 4096),
          ", expected different ones (a version in draftp_reward.json tells them apart)"));
    }
    members.push_back({*std::move(reward), spec.weight, spec.offset, spec.scale});
  }
  return CompositeReward(std::move(members));
}

CompositeReward::CompositeReward(std::vector<RewardMember> members) : members_(std::move(members)) {
  TORCH_CHECK(!members_.empty(), "a composite reward needs at least one member");
}

void CompositeReward::SetPieces(const AnyPiecePolicy& pieces) {
  for (RewardMember& member : members_) {
    if (const auto* clip = member.reward.As<ClipReward>()) member.reward = clip->WithPieces(pieces);
  }
}

std::vector<at::Tensor> CompositeReward::EncodeCaptions(
    std::span<const std::string> captions) const {
  std::vector<at::Tensor> texts;
  for (const RewardMember& member : members_) {
    texts.push_back(member.reward.EncodeCaptions(captions));
  }
  return texts;
}

std::vector<at::Tensor> CompositeReward::ScoreMembers(const at::Tensor& images,
                                                      std::span<const at::Tensor> texts) const {
  TORCH_CHECK(texts.size() == members_.size(), "expected ", members_.size(),
              " encodings of the captions, one a member, got ", texts.size());
  std::vector<at::Tensor> scores;
  for (size_t i = 0; i < members_.size(); ++i) {
    scores.push_back(members_[i].reward.Score(images, texts[i]));
  }
  return scores;
}

at::Tensor CompositeReward::Combine(std::span<const at::Tensor> scores) const {
  TORCH_CHECK(scores.size() == members_.size(), "expected ", members_.size(),
              " scores, one a member, got ", scores.size());
  at::Tensor sum;  // [B]
  for (size_t i = 0; i < members_.size(); ++i) {
    const RewardMember& member = members_[i];
    if (member.weight == 0) continue;
    const at::Tensor part = (scores[i] - member.offset) * (member.weight * member.scale);
    sum = sum.defined() ? sum + part : part;
  }
  return sum.defined() ? sum : at::zeros_like(scores[0]);
}

at::Tensor CompositeReward::operator()(const at::Tensor& images,
                                       std::span<const std::string> captions) const {
  return Combine(ScoreMembers(images, EncodeCaptions(captions)));
}

std::string CompositeReward::name() const {
  std::string name;
  for (const RewardMember& member : members_) {
    absl::StrAppend(&name, name.empty() ? "" : "+",
                    member.weight == 1 ? "" : absl::StrCat(member.weight, "*"),
                    member.reward.name());
  }
  return name;
}

}  // namespace draftp
