#include "draftp/evaluate/picture_scorer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "draftp/io/printable.h"
#include "draftp/run/embedded.h"
#include "draftp/run/exit_code.h"
#include "draftp/sdxl/model_argument.h"
#include "draftp/sdxl/model_files.h"
#include "draftp/sdxl/model_source.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp {
namespace {

absl::StatusOr<std::vector<CompositeReward::Spec>> SpecsOf(const char* flag,
                                                           const std::vector<std::string>& texts) {
  auto specs = CompositeReward::ParseSpecs(absl::StrJoin(texts, ","));
  if (!specs.ok()) return specs.status();
  for (const CompositeReward::Spec& spec : *specs) {
    if (absl::Status path = CheckNoHubName(flag, spec.path); !path.ok()) return path;
  }
  return specs;
}

// What a reward without a tokenizer of its own reads captions with: the model's, or CLIP's.
absl::StatusOr<ClipTokenizer> FallbackTokenizer(const EvaluateConfig& config) {
  if (!config.draw.model.empty()) {
    const auto source = ModelSource::Open(config.draw.model, config.draw.parts);
    if (!source.ok()) return source.status();
    return source->Tokenizer(/*second=*/false);
  }
  const auto vocabulary = ClipVocabularyDir();
  if (!vocabulary.ok()) return vocabulary.status();
  return ClipTokenizer::Open(*vocabulary + "/tokenizer");
}

// [n,3,H,W] f32 in [0,255].
at::Tensor Pixels(std::span<const CaptionedPicture> pictures, const Placement& placement) {
  std::vector<at::Tensor> images;
  for (const auto& [path, caption, noise, sha256, picture] : pictures) {
    // from_blob only reads it.
    auto* const bytes = const_cast<uint8_t*>(picture.pixels.data());
    images.push_back(at::from_blob(bytes, {picture.height, picture.width, 3}, at::kByte));
  }
  return at::stack(images).to(placement.device).permute({0, 3, 1, 2}).to(at::kFloat);
}

const ClipReward* FirstClip(const CompositeReward& reward) {
  for (const RewardMember& member : reward.members()) {
    if (const auto* clip = member.reward.As<ClipReward>()) return clip;
  }
  return nullptr;
}

}  // namespace

std::vector<InputFile> ScorerFiles(const EvaluateConfig& config) {
  std::vector<InputFile> files;
  const auto add = [&](const std::string& path, const std::string& role) {
    const std::vector<InputFile> more = RewardFiles(path, role);
    files.insert(files.end(), more.begin(), more.end());
  };
  for (const auto& [texts, role] :
       {std::pair(&config.reward, "reward "), {&config.validation_reward, "held-out reward "}}) {
    const auto specs = CompositeReward::ParseSpecs(absl::StrJoin(*texts, ","));
    for (size_t i = 0; specs.ok() && i < specs->size(); ++i)
      add((*specs)[i].path, absl::StrCat(role, i + 1));
  }
  if (!config.embedding.empty()) add(config.embedding, "embedding");
  return files;
}

absl::StatusOr<PictureScorer> PictureScorer::Load(const EvaluateConfig& config,
                                                  const ComputeDevice& device) {
  const auto tokenizer = FallbackTokenizer(config);
  if (!tokenizer.ok()) return AsFailure(tokenizer.status());
  const ClipRewardOptions options{.placement = device.decoder(), .fallback_tokenizer = &*tokenizer};
  PictureScorer scorer;
  scorer.placement_ = device.decoder();
  for (const auto& [flag, texts] : {std::pair("--reward", &config.reward),
                                    {"--validation_reward", &config.validation_reward}}) {
    if (texts->empty()) continue;
    const auto specs = SpecsOf(flag, *texts);
    if (!specs.ok()) return specs.status();
    auto reward = CompositeReward::Load(*specs, options);
    if (!reward.ok()) return AsFailure(reward.status());
    if (!scorer.scored_.empty()) scorer.chosen_ = scorer.names_.size();
    if (reward->members().size() > 1) scorer.names_.push_back(reward->name());
    for (const RewardMember& member : reward->members()) {
      const std::string name = member.reward.name();
      const bool taken = std::ranges::find(scorer.names_, name) != scorer.names_.end();
      scorer.names_.push_back(taken ? name + " (held out)" : name);
    }
    scorer.scored_.push_back({*std::move(reward)});
  }
  if (!config.embedding.empty()) {
    if (absl::Status path = CheckNoHubName("--embedding", config.embedding); !path.ok())
      return path;
    auto model = ClipReward::Load(config.embedding, options);
    if (!model.ok()) return AsFailure(model.status());
    scorer.embedding_ = *std::move(model);
    return scorer;
  }
  for (size_t i = scorer.scored_.size(); i-- > 0 && !scorer.embedding_;) {
    if (const ClipReward* clip = FirstClip(scorer.scored_[i].reward)) scorer.embedding_ = *clip;
  }
  if (scorer.embedding_) return scorer;
  return absl::InvalidArgumentError(
      "--reward: found no CLIP model, whose embeddings diversity is measured by, expected one "
      "among "
      "the rewards, or --embedding");
}

const at::Tensor& PictureScorer::EmbeddingOf(const ClipReward& model, const at::Tensor& pixels) {
  at::Tensor& embedding = embeddings_[&model.towers()];
  if (!embedding.defined()) embedding = model.ImageEmbedding(pixels);
  return embedding;
}

std::vector<at::Tensor> PictureScorer::TextsOf(Scored& scored,
                                               std::span<const CaptionedPicture> pictures) {
  std::vector<std::vector<at::Tensor>> rows(scored.reward.members().size());
  for (const CaptionedPicture& picture : pictures) {
    const std::string& caption = picture.caption;
    auto [entry, is_new] = scored.texts.try_emplace(caption);
    if (is_new) entry->second = scored.reward.EncodeCaptions(std::span(&caption, 1));
    for (size_t m = 0; m < rows.size(); ++m) rows[m].push_back(entry->second[m]);
  }
  std::vector<at::Tensor> texts;
  for (const std::vector<at::Tensor>& member : rows) texts.push_back(at::cat(member));
  return texts;
}

void PictureScorer::ScoreBy(Scored& scored, const at::Tensor& pixels,
                            std::span<const CaptionedPicture> pictures,
                            std::vector<at::Tensor>& columns) {
  const std::vector<at::Tensor> texts = TextsOf(scored, pictures);
  std::vector<at::Tensor> scores;
  for (size_t m = 0; m < texts.size(); ++m) {
    const AnyReward& reward = scored.reward.members()[m].reward;
    const auto* clip = reward.As<ClipReward>();
    scores.push_back(clip != nullptr ? clip->ScoreEmbedding(EmbeddingOf(*clip, pixels), texts[m])
                                     : reward.Score(pixels, texts[m]));
  }
  if (scores.size() > 1) columns.push_back(scored.reward.Combine(scores));
  columns.insert(columns.end(), scores.begin(), scores.end());
}

absl::StatusOr<PictureScores> PictureScorer::Score(std::span<const CaptionedPicture> pictures) {
  const at::NoGradGuard no_grad;
  embeddings_.clear();
  const at::Tensor pixels = Pixels(pictures, placement_);
  std::vector<at::Tensor> columns;
  for (Scored& scored : scored_) ScoreBy(scored, pixels, pictures, columns);
  const at::Tensor embedding = EmbeddingOf(*embedding_, pixels);
  embeddings_.clear();
  for (at::Tensor& column : columns) column = column.to(at::kCPU, at::kDouble);
  for (size_t r = 0; r < columns.size(); ++r) {
    const at::Tensor bad = at::isfinite(columns[r]).logical_not();
    if (!bad.any().item<bool>()) continue;
    const auto i = bad.to(at::kByte).argmax().item<int64_t>();
    return absl::DataLossError(absl::StrCat(
        Printable(pictures[static_cast<size_t>(i)].path, 1000), ": found the reward ", names_[r],
        " to be ", columns[r][i].item<double>(), ", expected a finite number"));
  }
  return PictureScores{.rewards = at::stack(columns, 1),
                       .embeddings = embedding.to(at::kCPU, at::kFloat)};
}

}  // namespace draftp
