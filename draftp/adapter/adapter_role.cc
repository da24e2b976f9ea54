#include "draftp/adapter/adapter_role.h"

#include <array>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace draftp {
namespace {

struct Ending {
  std::string_view text;
  AdapterRole role;
};

using enum AdapterRole;

// The first that fits counts: a longer one stands before its own end.
constexpr std::array<Ending, 35> kEndings = {{
    {".lora_down.weight", kDown},
    {".lora_up.weight", kUp},
    {".lora_mid.weight", kMid},
    {".lora_A.weight", kDown},
    {".lora_B.weight", kUp},
    {".lora_A.default.weight", kDown},
    {".lora_B.default.weight", kUp},
    {".lora.down.weight", kDown},
    {".lora.up.weight", kUp},
    {".lora_linear_layer.down.weight", kDown},
    {".lora_linear_layer.up.weight", kUp},
    {"_lora.down.weight", kDown},
    {"_lora.up.weight", kUp},
    {".alpha", kAlpha},
    {".hada_w1_a", kHadaW1A},
    {".hada_w1_b", kHadaW1B},
    {".hada_w2_a", kHadaW2A},
    {".hada_w2_b", kHadaW2B},
    {".hada_t1", kHadaT1},
    {".hada_t2", kHadaT2},
    {".lokr_w1", kLokrW1},
    {".lokr_w1_a", kLokrW1A},
    {".lokr_w1_b", kLokrW1B},
    {".lokr_w2", kLokrW2},
    {".lokr_w2_a", kLokrW2A},
    {".lokr_w2_b", kLokrW2B},
    {".lokr_t2", kLokrT2},
    {".dora_scale", kMagnitude},
    {".lora_magnitude_vector.default.weight", kMagnitude},
    {".lora_magnitude_vector.weight", kMagnitude},
    {".lora_magnitude_vector", kMagnitude},
    {".diff", kDiff},
    {".diff_b", kDiffOfBias},
    {".w_norm", kDiff},
    {".b_norm", kDiffOfBias},
}};

struct OtherKind {
  std::string_view text;
  const char* name;
};

// Of kohya, LyCORIS and peft.
constexpr std::array<OtherKind, 23> kOtherKinds = {{
    {".oft_blocks", "of an OFT or BOFT adapter"},
    {".oft_diag", "of an OFT adapter"},
    {".oft_R.weight", "of an OFT adapter"},
    {".oft_R", "of an OFT adapter"},
    {".oft_r", "of an OFT adapter"},
    {".oft_s", "of an OFT adapter"},
    {".rescale", "of an OFT adapter"},
    {".boft_R", "of a BOFT adapter"},
    {".boft_s", "of a BOFT adapter"},
    {".a1.weight", "of a GLoRA adapter"},
    {".a2.weight", "of a GLoRA adapter"},
    {".b1.weight", "of a GLoRA adapter"},
    {".b2.weight", "of a GLoRA adapter"},
    {".on_input", "of an IA3 adapter"},
    {".ia3_l", "of an IA3 adapter"},
    {".vera_lambda_b", "of a VeRA adapter"},
    {".vera_lambda_d", "of a VeRA adapter"},
    {".hra_u", "of an HRA adapter"},
    {".set_weight", "a weight that replaces the layer's"},
    {".reshape_weight", "a layer of another shape"},
    {".lora_B.bias", "LoRA with a bias of its own"},
    {".lora_up.bias", "LoRA with a bias of its own"},
    {".bias_indices", "a sparse bias"},
}};

constexpr char kRead[] =
    "expected LoRA (lora_down and lora_up, lora_A and lora_B, lora.down and lora.up), LoHa "
    "(hada_), "
    "LoKr (lokr_), DoRA (dora_scale), diff, diff_b, w_norm, b_norm or alpha";

std::string Stem(std::string_view key, size_t ending) {
  return std::string(key.substr(0, key.size() - ending));
}

// STEM.lora_A.N or STEM.lora_B.N.
std::optional<SplitKey> SplitPiece(std::string_view key) {
  const size_t dot = key.rfind('.');
  int64_t piece = 0;
  if (dot == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(key.substr(dot + 1)), &piece) || piece < 0)
    return std::nullopt;
  const std::string_view front = key.substr(0, dot);
  for (const auto& [end, role] : {Ending{".lora_A", kDown}, Ending{".lora_B", kUp}}) {
    if (front.ends_with(end) && front.size() > end.size())
      return SplitKey{.stem = Stem(front, end.size()), .role = role, .piece = piece};
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<SplitKey> SplitAdapterKey(std::string_view key) {
  for (const Ending& ending : kEndings) {
    if (key.ends_with(ending.text) && key.size() > ending.text.size())
      return SplitKey{.stem = Stem(key, ending.text.size()), .role = ending.role};
  }
  if (auto piece = SplitPiece(key)) return *std::move(piece);
  for (const OtherKind& other : kOtherKinds) {
    if (key.ends_with(other.text))
      return absl::InvalidArgumentError(absl::StrCat("is ", other.name, ", ", kRead));
  }
  return absl::InvalidArgumentError(absl::StrCat("is no key of an adapter, ", kRead));
}

}  // namespace draftp
