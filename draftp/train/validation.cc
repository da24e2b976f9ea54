#include "draftp/train/validation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "draftp/kernels/rgb8.h"
#include "draftp/metrics/diversity.h"
#include "draftp/report/contact_sheet.h"
#include "draftp/sampling/blendings.h"
#include "draftp/sampling/per_image_noise.h"

namespace draftp {
namespace {

constexpr uint64_t kNoiseOffset = uint64_t{1} << 31;

double Mean(const at::Tensor& values) {
  return values.defined() ? values.mean().item<double>() : std::numeric_limits<double>::quiet_NaN();
}

// rows [count, ...] into `all` [images, ...] from row `begin` on, zero where nothing came yet.
void PutRows(at::Tensor& all, int64_t begin, int64_t images, const at::Tensor& rows) {
  if (!all.defined()) {
    std::vector<int64_t> sizes = rows.sizes().vec();
    sizes[0] = images;
    all = at::zeros(sizes, rows.options());
  }
  all.narrow(0, begin, rows.size(0)).copy_(rows);
}

// rgb [H,W,3] uint8.
RgbImage Picture(const at::Tensor& rgb) {
  RgbImage picture{static_cast<int>(rgb.size(1)), static_cast<int>(rgb.size(0)), {}};
  const uint8_t* const bytes = rgb.const_data_ptr<uint8_t>();
  picture.pixels.assign(bytes, bytes + rgb.numel());
  return picture;
}

// Of embeddings prompt by prompt; NaN where there are none, or one image a prompt.
double DiversityOf(const at::Tensor& embeddings, int64_t per_prompt) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (!embeddings.defined() || per_prompt < 2) return kNone;
  const std::vector<int64_t> sizes(embeddings.size(0) / per_prompt, per_prompt);
  return PairwiseDiversity(embeddings, sizes).value_or(kNone);
}

using Named = std::vector<std::pair<std::string, double>>;

// Each member's mean, where there are several.
Named MemberMeans(const CompositeReward& reward, const std::vector<at::Tensor>& scores) {
  Named means;
  for (size_t m = 0; scores.size() > 1 && m < scores.size(); ++m)
    means.emplace_back(reward.members()[m].reward.name(), Mean(scores[m]));
  return means;
}

}  // namespace

void Validation::Scored::Put(int64_t begin, int64_t images, const CompositeReward& reward,
                             const at::Tensor& pixels, const std::vector<std::string>& captions) {
  const std::vector<at::Tensor> scores =
      reward.ScoreMembers(pixels, reward.EncodeCaptions(captions));
  const auto to_cpu = [](const at::Tensor& score) { return score.to(at::kCPU, at::kDouble); };
  PutRows(sum, begin, images, to_cpu(reward.Combine(scores)));
  members.resize(scores.size());
  for (size_t m = 0; m < scores.size(); ++m) PutRows(members[m], begin, images, to_cpu(scores[m]));
}

Validation::Validation(const TrainingModel& model, const CompositeReward& reward,
                       const CompositeReward* held_out, const SdxlStepOptions& sampling,
                       ValidationOptions options)
    : model_(model),
      reward_(reward),
      held_out_(held_out),
      sampling_(sampling),
      options_(std::move(options)),
      conditioner_(model.sdxl(), {.size = sampling.draw.size, .pieces = sampling.text_pieces}) {
  for (const RewardMember& member : reward.members()) {
    if (embedder_ == nullptr) embedder_ = member.reward.As<ClipReward>();
  }
}

int64_t Validation::images() const {
  return static_cast<int64_t>(options_.prompts.size()) * options_.images_per_prompt;
}

absl::Status Validation::DrawBatch(Drawer& drawer, int network, int64_t begin, int64_t count,
                                   int64_t decodes, Drawn& drawn) {
  std::vector<std::string> captions;
  std::vector<int64_t> indices;
  for (int64_t i = begin; i < begin + count; ++i) {
    captions.push_back(options_.prompts[i / options_.images_per_prompt]);
    indices.push_back(i);
  }
  const auto conditions = conditioner_(captions);
  if (!conditions.ok()) return conditions.status();
  drawer.SetConditions(*conditions);
  AnyNoise noise(PerImageNoise(sampling_.seed + kNoiseOffset, indices));
  const double weight = network == kTunedNetwork ? 1.0 : 0.0;
  const AnyWeighing one_model([weight](const StepContext&) { return weight; }, "one model");
  const at::Tensor latents =
      drawer.Latents(MixBlending({one_model}), noise, [](const DenoiserCall&) {});
  std::vector<at::Tensor> decoded;  // one at a time: activations at full resolution cost memory
  for (int64_t b = 0; b < decodes; ++b) {
    const at::Tensor raw = drawer.Raw(latents.narrow(0, std::min(b, count - 1), 1));
    if (b >= count) continue;
    decoded.push_back(raw);
    PutRows(drawn.rgb, begin + b, images(), Rgb8(raw).cpu());
  }
  const at::Tensor raw = at::cat(decoded), pixels = ToPixels(raw);
  const at::Tensor clamped = raw.abs().gt(1.0).to(at::kFloat).mean({1, 2, 3});
  PutRows(drawn.clamped, begin, images(), clamped.to(at::kCPU, at::kDouble));
  PutRows(drawn.pixels, begin, images(), pixels.cpu());
  drawn.rewards.Put(begin, images(), reward_, pixels, captions);
  if (held_out_) drawn.held_out.Put(begin, images(), *held_out_, pixels, captions);
  if (embedder_)
    PutRows(drawn.embeddings, begin, images(), embedder_->ImageEmbedding(pixels).cpu());
  return absl::OkStatus();
}

std::vector<at::Tensor*> Validation::Drawn::Parts() {
  std::vector<at::Tensor*> parts = {&pixels,      &rgb,          &clamped,
                                    &rewards.sum, &held_out.sum, &embeddings};
  for (Scored* scored : {&rewards, &held_out}) {
    for (at::Tensor& member : scored->members) parts.push_back(&member);
  }
  std::erase_if(parts, [](const at::Tensor* part) { return !part->defined(); });
  return parts;
}

Validation::Drawn Validation::Drawn::Zeros() && {
  for (at::Tensor* part : Parts()) part->zero_();
  return std::move(*this);
}

void Validation::Share(Drawn& drawn) const {
  // Each image is one rank's, and zero on the others: their sum is all of them.
  for (at::Tensor* part : drawn.Parts()) options_.world->Sum("validation", *part);
}

absl::StatusOr<Validation::Drawn> Validation::Draw(int network) {
  const at::NoGradGuard no_grad;
  Drawn drawn;
  Drawer drawer(model_.sdxl(), model_.networks(), model_.inference_vae(), sampling_.draw,
                sampling_.unet_pieces, sampling_.decoder_pieces);
  const int64_t ranks = options_.world ? options_.world->size() : 1;
  const int64_t rank = options_.world ? options_.world->rank() : 0;
  const int64_t size = std::min(options_.batch_size, (images() + ranks - 1) / ranks);
  for (int64_t first = 0; first < images(); first += ranks * size) {
    if (options_.cancelled()) return absl::CancelledError("the validation was cancelled");
    // A rank for which there is none draws the first again, for itself: the ranks take part in the
    // same calls and the same shapes.
    const int64_t begin = first + rank * size;
    const bool idle = begin >= images();
    const int64_t count = std::min(size, images() - (idle ? 0 : begin));
    const int64_t decodes = sampling_.decoder_pieces.weights_stay() ? count : size;
    Drawn again;
    const absl::Status status =
        DrawBatch(drawer, network, idle ? 0 : begin, count, decodes, idle ? again : drawn);
    if (!status.ok()) return status;
    if (idle && first == 0) drawn = std::move(again).Zeros();
  }
  if (ranks > 1) Share(drawn);
  absl::Status finite = absl::OkStatus();
  if (!at::isfinite(drawn.pixels).all().item<bool>()) {
    finite = absl::DataLossError(absl::StrFormat(
        "validation: the %s model's pictures hold NaN or infinity, expected numbers",
        network == kBaseNetwork ? "base" : "fine-tuned"));
  }
  if (ranks > 1) finite = options_.world->Agree("validation", finite);
  if (!finite.ok()) return finite;
  return drawn;
}

ValidationSide Validation::Side(const Drawn& drawn) const {
  return {
      .reward = Mean(drawn.rewards.sum),
      .held_out = Mean(drawn.held_out.sum),
      .diversity = DiversityOf(drawn.embeddings, options_.images_per_prompt),
      .clamped = Mean(drawn.clamped),
      .rewards = MemberMeans(reward_, drawn.rewards.members),
      .held_out_rewards = held_out_ ? MemberMeans(*held_out_, drawn.held_out.members) : Named()};
}

absl::StatusOr<RgbImage> Validation::Sheet(const Drawn& tuned) const {
  const int64_t n = options_.images_per_prompt;
  ContactSheetLabels labels;
  for (int64_t j = 0; j < n; ++j) labels.columns.push_back(absl::StrFormat("noise %d", j));
  const auto caption = [&](const char* name, size_t p, const Drawn& drawn) {
    const auto begin = static_cast<int64_t>(p) * n;
    return absl::StrFormat("%s: %s, Reward = %.2f", name, options_.prompts[p],
                           drawn.rewards.sum.narrow(0, begin, n).mean().item<double>());
  };
  for (size_t p = 0; p < options_.prompts.size(); ++p) {
    labels.rows.push_back(caption("DRaFT+", p, tuned));
    labels.rows.push_back(caption("SDXL", p, *base_));
  }
  ContactSheet sheet(labels, static_cast<int>(tuned.pixels.size(3)),
                     static_cast<int>(tuned.pixels.size(2)));
  for (int64_t i = 0; i < images(); ++i) {
    const int row = static_cast<int>(2 * (i / n)), column = static_cast<int>(i % n);
    sheet.SetCell(row, column, Picture(tuned.rgb[i]));
    sheet.SetCell(row + 1, column, Picture(base_->rgb[i]));
  }
  return sheet.Draw();
}

absl::StatusOr<ValidationResult> Validation::Run() {
  if (!base_) {
    auto base = Draw(kBaseNetwork);
    if (!base.ok()) return base.status();
    base_ = *std::move(base);
  }
  const auto tuned = Draw(kTunedNetwork);
  if (!tuned.ok()) return tuned.status();
  ValidationResult result;
  result.scores.tuned = Side(*tuned);
  result.scores.base = Side(*base_);
  result.scores.drift = std::sqrt((tuned->pixels - base_->pixels).square().mean().item<double>());
  if (held_out_) {
    result.scores.held_out_name = held_out_->name();
    const at::Tensor gains = tuned->held_out.sum - base_->held_out.sum;
    for (int64_t i = 0; i < gains.size(0); ++i)
      result.scores.held_out_gains.push_back(gains[i].item<double>());
  }
  auto sheet = Sheet(*tuned);
  if (!sheet.ok()) return sheet.status();
  result.sheet = *std::move(sheet);
  return result;
}

}  // namespace draftp
