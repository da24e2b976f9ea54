#include "draftp/reward/clip_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/printable.h"
#include "draftp/model/clip_image.h"
#include "draftp/model/clip_text.h"
#include "draftp/reward/clip_preprocess.h"
#include "draftp/reward/clip_towers.h"
#include "draftp/reward/reward_json.h"

namespace draftp {

struct ClipReward::State {
  ClipTowers towers;
  ClipTokenizer tokenizer;
  ClipRewardKind kind;
  std::string name;
  double factor;  // on the cosine
  ClipPreprocess preprocess;
  Placement placement;
};

namespace {

namespace fs = std::filesystem;

struct Identity {
  ClipRewardKind kind;
  std::string name;
};

bool IsThere(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

// "2.1" of HPS_v2.1_compressed.safetensors, "2.0" of HPS_v2...; empty where a name says nothing.
std::string HpsVersion(const std::string& file) {
  std::string name = absl::AsciiStrToLower(fs::path(file).filename().string());
  std::erase_if(name, [](char c) { return c == '_' || c == '-'; });
  const size_t at = name.find("hpsv2");
  if (at == std::string::npos) return "";
  const std::string_view rest = std::string_view(name).substr(at + 5);
  if (rest.size() < 2 || rest[0] != '.' || !absl::ascii_isdigit(rest[1])) return "2.0";
  const bool ends = rest.size() == 2 || !absl::ascii_isdigit(rest[2]);
  return ends && (rest[1] == '0' || rest[1] == '1') ? "2." + std::string(rest.substr(1, 1)) : "";
}

absl::StatusOr<Identity> HpsIdentity(const std::string& where, const std::string& version) {
  if (version == "2.0" || version == "2.1") {
    return Identity{ClipRewardKind::kHpsV2, "HPSv" + version};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(where, 4096), ": found ",
      version.empty() ? "no version of HPSv2" : "version " + Quoted(version, 40),
      ", expected 2.0 or 2.1 in the file's name (HPS_v2.1...) or in draftp_reward.json beside it "
      "({\"kind\": \"hpsv2\", \"version\": \"2.1\"})"));
}

absl::StatusOr<Identity> ReadIdentity(JsonReader json) {
  const std::string kind = StringOneOf(json, "kind", {"pickscore", "hpsv2", "clip_score"});
  const std::string version = json.String("version", "");
  const bool plain =
      version.size() <= 40 && std::all_of(version.begin(), version.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_';
      });
  if (!plain) {
    json.Fail("version", absl::StrCat("found ", Quoted(version, 40),
                                      ", expected letters, digits, dots and underscores"));
  }
  if (absl::Status status = Finish(json); !status.ok()) return status;
  if (kind == "hpsv2") return HpsIdentity(json.source(), version);
  const std::string suffix = version.empty() ? "" : "-" + version;
  if (kind == "pickscore") return Identity{ClipRewardKind::kPickScore, "PickScore" + suffix};
  return Identity{ClipRewardKind::kClipScore, "CLIPScore" + suffix};
}

absl::StatusOr<Identity> Identify(const std::string& path, const ClipTowers& towers) {
  absl::StatusOr<std::optional<JsonReader>> json = OpenRewardJson(path);
  if (!json.ok()) return json.status();
  if (json->has_value()) return ReadIdentity(**std::move(json));
  if (!towers.open_clip) return Identity{ClipRewardKind::kPickScore, "PickScore"};
  return HpsIdentity(towers.files.front(), HpsVersion(towers.files.front()));
}

// The tokenizer's ids against the text tower that takes them.
absl::Status CheckTokenizer(const std::string& where, const ClipTokenizer& tokenizer,
                            const ClipTextConfig& text) {
  const auto error = [&where](const std::string& found, const std::string& expected) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": found ", found, ", expected ",
                                                   expected, " of the reward's text tower"));
  };
  if (tokenizer.max_length() > text.max_positions) {
    return error(absl::StrCat("a tokenizer of ", tokenizer.max_length(), " tokens a caption"),
                 absl::StrCat("at most the ", text.max_positions, " positions"));
  }
  if (tokenizer.vocabulary_size() > text.vocab_size) {
    return error(absl::StrCat("a tokenizer of ", tokenizer.vocabulary_size(), " entries"),
                 absl::StrCat("at most the vocabulary, ", text.vocab_size));
  }
  const int64_t end =
      text.pools_greatest_id ? tokenizer.base_vocabulary_size() - 1 : text.eos_token_id;
  const bool fits =
      text.pools_greatest_id ? tokenizer.end_of_text() >= end : tokenizer.end_of_text() == end;
  if (fits) return absl::OkStatus();
  return error(
      absl::StrCat("a tokenizer whose end-of-text is ", tokenizer.end_of_text()),
      absl::StrCat(text.pools_greatest_id ? "the greatest id, " : "the eos_token_id, ", end));
}

absl::StatusOr<ClipTokenizer> FindTokenizer(const std::string& path, const ClipTokenizer* fallback,
                                            const ClipTextConfig& text) {
  const fs::path folder = RewardFolder(path);
  for (const fs::path& dir : {folder, folder / "tokenizer"}) {
    if (!IsThere(dir / "vocab.json") && !IsThere(dir / "merges.txt") &&
        !IsThere(dir / "tokenizer.json")) {
      continue;
    }
    absl::StatusOr<ClipTokenizer> tokenizer = ClipTokenizer::Open(dir.string());
    if (!tokenizer.ok()) return tokenizer.status();
    if (absl::Status fit = CheckTokenizer(Printable(dir.string(), 4096), *tokenizer, text);
        !fit.ok()) {
      return fit;
    }
    return tokenizer;
  }
  if (fallback == nullptr) {
    return absl::NotFoundError(absl::StrCat(Printable(path, 4096),
                                            ": found no tokenizer, expected vocab.json and "
                                            "merges.txt, or tokenizer.json, beside the weights"));
  }
  const std::string where = Printable(path, 4096) + ": has no tokenizer and was given the model's";
  if (absl::Status fit = CheckTokenizer(where, *fallback, text); !fit.ok()) return fit;
  return *fallback;
}

at::Tensor Normalised(const at::Tensor& x) {
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  return wide / at::linalg_vector_norm(wide, 2, at::IntArrayRef({-1}), /*keepdim=*/true);
}

}  // namespace

ClipReward::ClipReward(std::shared_ptr<const State> state, AnyPiecePolicy pieces)
    : state_(std::move(state)), pieces_(std::move(pieces)) {}

ClipReward ClipReward::WithPieces(AnyPiecePolicy pieces) const {
  return ClipReward(state_, std::move(pieces));
}

absl::StatusOr<ClipReward> ClipReward::Load(const std::string& dir_or_file,
                                            const ClipRewardOptions& options) {
  absl::StatusOr<ClipTowers> towers = LoadClipTowers(dir_or_file, options.placement);
  if (!towers.ok()) return towers.status();
  absl::StatusOr<Identity> identity = Identify(dir_or_file, *towers);
  if (!identity.ok()) return identity.status();
  absl::StatusOr<ClipTokenizer> tokenizer =
      FindTokenizer(dir_or_file, options.fallback_tokenizer, towers->text.config);
  if (!tokenizer.ok()) return tokenizer.status();
  double factor = 1;
  if (identity->kind == ClipRewardKind::kPickScore) factor = std::exp(towers->logit_scale);
  if (identity->kind == ClipRewardKind::kClipScore) factor = 100;
  if (!std::isfinite(factor) || factor <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(towers->files.front(), 4096), ": tensor \"logit_scale\": found ",
                     towers->logit_scale, ", expected the logarithm of a factor"));
  }
  const int64_t size = towers->image.config.image_size;
  ClipPreprocess preprocess(size, towers->mean, towers->std);
  return ClipReward(std::make_shared<const State>(State{.towers = *std::move(towers),
                                                        .tokenizer = *std::move(tokenizer),
                                                        .kind = identity->kind,
                                                        .name = std::move(identity->name),
                                                        .factor = factor,
                                                        .preprocess = std::move(preprocess),
                                                        .placement = options.placement}),
                    options.pieces);
}

at::Tensor ClipReward::EncodeCaptions(std::span<const std::string> captions) const {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> ids;
  for (const std::string& caption : captions) {
    const ClipTokenizer::Encoded encoded = state_->tokenizer.Encode(caption);
    ids.insert(ids.end(), encoded.ids.begin(), encoded.ids.end());
  }
  const auto rows = static_cast<int64_t>(captions.size());
  const at::Tensor view =
      at::from_blob(ids.data(), {rows, state_->tokenizer.max_length()}, at::kLong);
  const absl::StatusOr<ClipTextOutput> output = Encode(state_->towers.text, view, pieces_);
  TORCH_CHECK(output.ok(), output.status().message());  // the tokenizer fits: Load has seen to it
  return Normalised(output->pooled);
}

at::Tensor ClipReward::ImageEmbedding(const at::Tensor& images) const {
  return Normalised(
      EncodeImage(state_->towers.image, state_->preprocess(images), {.pieces = pieces_}));
}

at::Tensor ClipReward::ScoreEmbedding(const at::Tensor& embedding, const at::Tensor& text) const {
  at::Tensor cosine = (embedding * text.to(embedding.scalar_type())).sum(-1);
  if (kind() == ClipRewardKind::kClipScore) cosine = cosine.clamp_min(0);
  return cosine * state_->factor;  // [B]
}

at::Tensor ClipReward::Score(const at::Tensor& images, const at::Tensor& text) const {
  TORCH_CHECK(text.dim() == 2 && text.size(0) == images.size(0) && text.size(1) == embedding_size(),
              "text must be [", images.size(0), ",", embedding_size(), "], got ", text.sizes());
  const at::Tensor score = ScoreEmbedding(ImageEmbedding(images), text);  // [B]
  return images.scalar_type() == at::kDouble ? score : score.to(at::kFloat);
}

at::Tensor ClipReward::operator()(const at::Tensor& images,
                                  std::span<const std::string> captions) const {
  return Score(images, EncodeCaptions(captions));
}

std::string ClipReward::name() const { return state_->name; }
ClipRewardKind ClipReward::kind() const { return state_->kind; }
int64_t ClipReward::embedding_size() const { return state_->towers.image.config.projection_dim; }
int64_t ClipReward::image_size() const { return state_->towers.image.config.image_size; }
const Placement& ClipReward::placement() const { return state_->placement; }
const ClipTowers& ClipReward::towers() const { return state_->towers; }

}  // namespace draftp
