#include "draftp/adapter/layer_change.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using enum AdapterRole;
using Tensors = absl::StatusOr<at::Tensor>;

std::string Text(at::IntArrayRef shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

absl::Status Misfit(const LayerChange& change, AdapterRole role, const std::string& expected) {
  const LayerChange::Item& item = change.items.at(role);
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(item.key), ": is ", Text(item.tensor.sizes()), ", expected ", expected));
}

// Computes dW of one layer in the shape of its weight; the first misfit ends it.
class Maker {
 public:
  Maker(const LayerChange& change, const at::Tensor& weight)
      : change_(change),
        weight_(weight),
        outputs_(weight.size(0)),
        inputs_(weight.dim() > 1 ? weight.size(1) : 1),
        kernel_(weight.dim() > 1 ? weight.numel() / outputs_ / inputs_ : 1) {}

  Tensors Make() {
    if (change_.Has(kDown)) return Finish(Lora(), change_.scale);
    if (change_.Has(kHadaW1A)) return Finish(LoHa(), change_.scale);
    if (change_.Has(kLokrW2) || change_.Has(kLokrW2A)) return Finish(LoKr(), change_.scale);
    if (change_.Has(kDiff)) return Finish(Get(kDiff), 1.0);
    return at::zeros_like(weight_);
  }

 private:
  at::Tensor Get(AdapterRole role) const { return change_.at(role).to(weight_.options()); }

  bool Fail(AdapterRole role, const std::string& expected) {
    if (status_.ok()) status_ = Misfit(change_, role, expected);
    return false;
  }

  // The tensor as a matrix [rows, the rest]; -1: any number of either.
  at::Tensor Matrix(AdapterRole role, int64_t rows, int64_t columns) {
    const at::Tensor tensor = Get(role);
    const bool fits = tensor.dim() >= 2 && tensor.numel() > 0 &&
                      (rows < 0 || tensor.size(0) == rows) &&
                      (columns < 0 || tensor.numel() == tensor.size(0) * columns);
    const auto number = [](int64_t n) { return n < 0 ? std::string("n") : absl::StrCat(n); };
    if (!fits) {
      Fail(role,
           absl::StrCat("[", number(rows), ",", number(columns), "], up to the kernel's size"));
      return {};
    }
    return tensor.flatten(1);
  }

  // sum_mn core[m,n,...] left[m,:] right[n,:], [left's, right's, k, k].
  at::Tensor Tucker(AdapterRole core_role, const at::Tensor& left, const at::Tensor& right) {
    const at::Tensor core = Get(core_role);
    if (core.dim() != 4 || core.size(0) != left.size(0) || core.size(1) != right.size(0)) {
      Fail(core_role, absl::StrCat("[", left.size(0), ",", right.size(0), ",k,k]"));
      return {};
    }
    return at::einsum("mnkl,mi,nj->ijkl", {core, left, right});
  }

  at::Tensor Lora() {
    if (change_.Has(kMid)) {
      const at::Tensor down = Matrix(kDown, -1, inputs_);
      const at::Tensor up = Matrix(kUp, outputs_, -1);
      return status_.ok() ? Tucker(kMid, up.t(), down) : at::Tensor();
    }
    const at::Tensor down = Matrix(kDown, -1, inputs_ * kernel_);
    if (!status_.ok()) return {};
    const at::Tensor up = Matrix(kUp, outputs_, down.size(0));
    return status_.ok() ? at::matmul(up, down) : at::Tensor();
  }

  at::Tensor HalfOfLoHa(AdapterRole a, AdapterRole b, AdapterRole core) {
    if (change_.Has(core)) {
      const at::Tensor left = Matrix(a, -1, outputs_), right = Matrix(b, -1, inputs_);
      return status_.ok() ? Tucker(core, left, right).flatten(1) : at::Tensor();
    }
    const at::Tensor right = Matrix(b, -1, inputs_ * kernel_);
    if (!status_.ok()) return {};
    const at::Tensor left = Matrix(a, outputs_, right.size(0));
    return status_.ok() ? at::matmul(left, right) : at::Tensor();
  }

  at::Tensor LoHa() {
    const at::Tensor first = HalfOfLoHa(kHadaW1A, kHadaW1B, kHadaT1);
    if (!status_.ok()) return {};
    const at::Tensor second = HalfOfLoHa(kHadaW2A, kHadaW2B, kHadaT2);
    return status_.ok() ? first * second : at::Tensor();
  }

  // A whole factor, or the product that stands for it.
  at::Tensor Factor(AdapterRole whole, AdapterRole a, AdapterRole b) {
    if (change_.Has(whole)) return Matrix(whole, -1, -1);
    const at::Tensor right = Matrix(b, -1, -1);
    if (!status_.ok()) return {};
    if (change_.Has(kLokrT2) && whole == kLokrW2) {
      const at::Tensor left = Matrix(a, -1, -1);
      return status_.ok() ? Tucker(kLokrT2, left, right).flatten(1) : at::Tensor();
    }
    const at::Tensor left = Matrix(a, -1, right.size(0));
    return status_.ok() ? at::matmul(left, right) : at::Tensor();
  }

  // kron over outputs and inputs; the kernel is of w2's columns, which kron leaves together.
  at::Tensor LoKr() {
    const at::Tensor w1 = Factor(kLokrW1, kLokrW1A, kLokrW1B);
    if (!status_.ok()) return {};
    const at::Tensor w2 = Factor(kLokrW2, kLokrW2A, kLokrW2B);
    if (!status_.ok()) return {};
    const AdapterRole role = change_.Has(kLokrW2) ? kLokrW2 : kLokrW2A;
    if (w1.size(0) * w2.size(0) != outputs_ || w1.size(1) * w2.size(1) != inputs_ * kernel_) {
      Fail(role,
           absl::StrCat("what makes ", Text(weight_.sizes()), " with a w1 of ", Text(w1.sizes())));
      return {};
    }
    return at::kron(w1, w2);
  }

  Tensors Finish(const at::Tensor& delta, double scale) {
    if (!status_.ok()) return status_;
    if (delta.numel() != weight_.numel() || (delta.dim() > 1 && delta.size(0) != outputs_)) {
      const AdapterRole role = change_.Has(kMid)      ? kMid
                               : change_.Has(kHadaT1) ? kHadaT1
                               : change_.Has(kDiff)   ? kDiff
                                                      : change_.items.begin()->first;
      return Misfit(change_, role, absl::StrCat("what makes ", Text(weight_.sizes())));
    }
    return scale * delta.reshape(weight_.sizes());
  }

  const LayerChange& change_;
  const at::Tensor& weight_;
  const int64_t outputs_, inputs_, kernel_;
  absl::Status status_ = absl::OkStatus();
};

// m V / ||N||, the norm over all but the outputs, or but the inputs.
Tensors Decompose(const LayerChange& change, const at::Tensor& weight, const at::Tensor& changed) {
  const at::Tensor magnitude = change.at(kMagnitude).to(weight.options());
  const int64_t outputs = weight.size(0), inputs = weight.dim() > 1 ? weight.size(1) : 0;
  const bool of_inputs = magnitude.dim() > 1 && magnitude.size(0) == 1 && inputs > 0 &&
                         magnitude.size(1) == inputs &&
                         change.items.at(kMagnitude).key.ends_with(".dora_scale");
  if (weight.dim() < 2 || magnitude.numel() != (of_inputs ? inputs : outputs)) {
    return Misfit(change, kMagnitude,
                  absl::StrCat("a value for each of ", outputs, " outputs or ", inputs, " inputs"));
  }
  const at::Tensor& divided = change.norm == DoraNorm::kBase && !of_inputs ? weight : changed;
  std::vector<int64_t> over, shape(static_cast<size_t>(weight.dim()), 1);
  for (int64_t d = 0; d < weight.dim(); ++d) {
    if (d != (of_inputs ? 1 : 0)) over.push_back(d);
  }
  shape[of_inputs ? 1 : 0] = -1;
  constexpr double kSmallest = std::numeric_limits<float>::epsilon();  // LyCORIS'
  const at::Tensor length = at::linalg_vector_norm(divided, 2, over, /*keepdim=*/true) + kSmallest;
  return changed * (magnitude.reshape(shape) / length);
}

}  // namespace

bool LayerChange::IsPlainLora() const { return items.size() == 2 && Has(kDown) && Has(kUp); }

LoraLayer LayerChange::Plain() const { return {.a = at(kDown), .b = at(kUp), .scale = scale}; }

std::string KindOf(const LayerChange& change) {
  if (change.Has(kMagnitude)) return "a DoRA";
  if (change.Has(kMid)) return "a LoRA with Tucker's core";
  if (change.Has(kHadaW1A)) return "a LoHa";
  if (change.Has(kLokrW1) || change.Has(kLokrW1A)) return "a LoKr";
  if (change.IsPlainLora()) return "a LoRA";
  return "a whole difference";
}

std::optional<int64_t> RankOf(const LayerChange& change) {
  for (const AdapterRole role : {kDown, kHadaW1B, kLokrW2B, kLokrW1B}) {
    const auto item = change.items.find(role);
    if (item != change.items.end() && item->second.tensor.dim() > 0)
      return item->second.tensor.size(0);
  }
  return std::nullopt;
}

absl::Status CheckComplete(const LayerChange& change) {
  struct Needs {
    AdapterRole role, other;
    const char* name;
  };
  for (const auto& [role, other, name] :
       std::initializer_list<Needs>{{kDown, kUp, "lora_B"},
                                    {kUp, kDown, "lora_A"},
                                    {kMid, kDown, "lora_down"},
                                    {kHadaW1A, kHadaW1B, "hada_w1_b"},
                                    {kHadaW1B, kHadaW2A, "hada_w2_a"},
                                    {kHadaW2A, kHadaW2B, "hada_w2_b"},
                                    {kHadaW2B, kHadaW1A, "hada_w1_a"},
                                    {kHadaT1, kHadaT2, "hada_t2"},
                                    {kHadaT2, kHadaT1, "hada_t1"},
                                    {kHadaT1, kHadaW1A, "hada_w1_a"},
                                    {kLokrW1A, kLokrW1B, "lokr_w1_b"},
                                    {kLokrW1B, kLokrW1A, "lokr_w1_a"},
                                    {kLokrW2A, kLokrW2B, "lokr_w2_b"},
                                    {kLokrW2B, kLokrW2A, "lokr_w2_a"},
                                    {kLokrT2, kLokrW2A, "lokr_w2_a"}}) {
    if (change.Has(role) && !change.Has(other)) {
      return absl::InvalidArgumentError(absl::StrCat(
          Printable(change.items.at(role).key), ": comes without ", name, " of the same layer"));
    }
  }
  const bool w1 = change.Has(kLokrW1) || change.Has(kLokrW1A);
  const bool w2 = change.Has(kLokrW2) || change.Has(kLokrW2A);
  if (w1 != w2) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(change.items.begin()->second.key),
                                                   ": comes without lokr_w", w1 ? 2 : 1,
                                                   " of the same layer"));
  }
  const int kinds = (change.Has(kDown) ? 1 : 0) + (change.Has(kHadaW1A) ? 1 : 0) + (w1 ? 1 : 0) +
                    (change.Has(kDiff) ? 1 : 0);
  if (kinds > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        Printable(change.items.begin()->second.key),
        ": is beside another kind of change of the same layer, expected one of LoRA, LoHa, LoKr "
        "and diff"));
  }
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> ChangedWeight(const LayerChange& change, const at::Tensor& weight,
                                         double strength) {
  const at::Tensor own = weight.scalar_type() == at::kDouble ? weight : weight.to(at::kFloat);
  const Tensors delta = Maker(change, own).Make();
  if (!delta.ok()) return delta.status();
  if (!change.Has(kMagnitude)) return own + strength * *delta;
  const Tensors decomposed = Decompose(change, own, own + *delta);
  if (!decomposed.ok()) return decomposed.status();
  return own + strength * (*decomposed - own);
}

absl::StatusOr<at::Tensor> ChangedBias(const LayerChange& change, const at::Tensor& bias,
                                       const at::Tensor& weight, double strength) {
  if (!change.Has(kDiffOfBias)) return bias;
  const at::Tensor& difference = change.at(kDiffOfBias);
  if (difference.numel() != weight.size(0))
    return Misfit(change, kDiffOfBias, absl::StrCat("[", weight.size(0), "]"));
  const at::ScalarType dtype = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor added = strength * difference.flatten().to(weight.device(), dtype);
  return bias.defined() ? bias.to(dtype) + added : added;
}

}  // namespace draftp
