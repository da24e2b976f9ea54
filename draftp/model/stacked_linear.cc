#include "draftp/model/stacked_linear.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "draftp/kernels/cpu/layers.h"

namespace draftp {
namespace {

template <class Layers>
size_t SlotsOf(const Layers& layers) {
  size_t slots = 0;
  for (const auto* layer : layers) slots = std::max(slots, layer->adapters.size());
  return slots;
}

// Matrices of one width, one below the other: those before are where the block begins.
bool Follows(const at::Tensor& before, const at::Tensor& matrix) {
  return matrix.dim() == 2 && matrix.is_contiguous() && matrix.size(1) == before.size(1) &&
         matrix.scalar_type() == before.scalar_type() &&
         matrix.storage().unsafeGetStorageImpl() == before.storage().unsafeGetStorageImpl() &&
         matrix.storage_offset() == before.storage_offset() + before.numel();
}

// Moves `matrices` into one block, if they are of one width and dtype.
void Stack(const std::vector<at::Tensor>& matrices) {
  const bool of_one_kind = std::ranges::all_of(matrices, [&](const at::Tensor& matrix) {
    return matrix.dim() == 2 && matrix.size(1) == matrices[0].size(1) &&
           matrix.scalar_type() == matrices[0].scalar_type();
  });
  if (matrices.size() < 2 || !of_one_kind) return;
  const at::NoGradGuard no_grad;
  const at::Tensor block = at::cat(matrices);
  int64_t row = 0;
  for (const at::Tensor& matrix : matrices) {
    const int64_t rows = matrix.size(0);
    matrix.set_data(block.narrow(0, row, rows));
    row += rows;
  }
}

bool IsPlain(const LinearWeights& layer) { return layer.weight.defined() && !layer.bias.defined(); }

// Where a layer's part of an adapter lies: the columns of x A^T in the product, and its factors.
struct Thin {
  int64_t column;
  const LoraLayer* lora;
};

// Layers that lie one below the other, and which columns their product has.
class StackedColumns {
 public:
  // Of the layers and the adapters of `rows`, if they are stacked.
  static std::optional<StackedColumns> Of(const std::vector<const LinearWeights*>& layers,
                                          const AdapterRows& rows) {
    if (!std::ranges::all_of(layers, [](const auto* layer) { return IsPlain(*layer); }))
      return std::nullopt;
    StackedColumns stacked(*layers[0]);
    for (const LinearWeights* layer : layers) {
      if (!stacked.Take(layer->weight)) return std::nullopt;
      stacked.begins_.push_back(stacked.columns_ - layer->weight.size(0));
    }
    int64_t used = stacked.columns_;
    for (size_t slot = 0; slot < SlotsOf(layers); ++slot) {
      std::vector<Thin>& thin = stacked.adapters_.emplace_back();
      const bool asked = std::ranges::any_of(
          rows, [&](const AdapterRange& range) { return range.adapter == static_cast<int>(slot); });
      for (const LinearWeights* layer : layers) {
        const LoraLayer* lora = FindLora(layer->adapters, static_cast<int>(slot));
        if (lora != nullptr && !(stacked.Fits(lora->b) && stacked.Take(lora->a))) {
          if (asked) return std::nullopt;
          lora = nullptr;
        }
        thin.push_back({lora == nullptr ? 0 : stacked.columns_ - lora->rank(), lora});
      }
      if (asked) used = stacked.columns_;
    }
    stacked.columns_ = used;
    return stacked;
  }

  // The weights, and below them the A of the adapters: [columns,in].
  at::Tensor Matrix() const {
    return first_.as_strided({columns_, first_.size(1)}, {first_.size(1), 1},
                             first_.storage_offset());
  }

  int64_t begin(size_t layer) const { return begins_[layer]; }

  // One adapter's, by layer; none in a slot that no layer has.
  std::span<const Thin> adapter(int slot) const {
    if (slot < 0 || slot >= static_cast<int>(adapters_.size())) return {};
    return adapters_[slot];
  }

 private:
  explicit StackedColumns(const LinearWeights& first) : first_(first.weight) {}

  bool Fits(const at::Tensor& b) const {
    return b.dim() == 2 && b.scalar_type() == first_.scalar_type();
  }

  bool Take(const at::Tensor& matrix) {
    if (last_.defined() ? !Follows(last_, matrix) : !matrix.is_contiguous()) return false;
    last_ = matrix;
    columns_ += matrix.size(0);
    return true;
  }

  at::Tensor first_, last_;
  int64_t columns_ = 0;
  std::vector<int64_t> begins_;
  std::vector<std::vector<Thin>> adapters_;
};

// Whether one batched product adds what all layers' parts of an adapter add.
bool AddAtOnce(std::span<const Thin> thin) {
  if (thin.size() < 2 || thin[0].lora == nullptr) return false;
  const LoraLayer& first = *thin[0].lora;
  for (size_t i = 1; i < thin.size(); ++i) {
    const LoraLayer* lora = thin[i].lora;
    if (lora == nullptr || lora->scale != first.scale || lora->rank() != first.rank() ||
        lora->b.size(0) != first.b.size(0) || !Follows(thin[i - 1].lora->b, lora->b)) {
      return false;
    }
  }
  return true;
}

// Into the layers' columns of `product` [M,columns], M of the rows that the adapter acts on: scale
// (x A^T) B^T.
void AddThin(const at::Tensor& product, const StackedColumns& stacked, std::span<const Thin> thin,
             double scale) {
  if (AddAtOnce(thin)) {
    const LoraLayer& lora = *thin[0].lora;
    const auto layers = static_cast<int64_t>(thin.size());
    const int64_t tokens = product.size(0), stride = product.stride(0), out = lora.b.size(0),
                  rank = lora.rank();
    const auto columns = [&](int64_t begin, int64_t width) {
      return product.as_strided({layers, tokens, width}, {width, stride, 1},
                                product.storage_offset() + begin);
    };
    at::Tensor sums = columns(stacked.begin(0), out);
    const at::Tensor b =
        lora.b.as_strided({layers, rank, out}, {out * rank, 1, rank}, lora.b.storage_offset());
    sums.baddbmm_(columns(thin[0].column, rank), b, 1, scale * lora.scale);
    return;
  }
  for (size_t i = 0; i < thin.size(); ++i) {
    if (thin[i].lora == nullptr) continue;
    const LoraLayer& lora = *thin[i].lora;
    at::Tensor sum = product.narrow(1, stacked.begin(i), lora.b.size(0));
    sum.addmm_(product.narrow(1, thin[i].column, lora.rank()), lora.b.t(), 1, scale * lora.scale);
  }
}

}  // namespace

void StackLayers(const std::vector<LinearWeights*>& layers) {
  if (!std::ranges::all_of(layers, [](const auto* layer) { return IsPlain(*layer); })) return;
  AdapterRows all;
  for (size_t slot = 0; slot < SlotsOf(layers); ++slot)
    all.push_back({.adapter = static_cast<int>(slot)});
  if (StackedColumns::Of({layers.begin(), layers.end()}, all)) return;
  std::vector<at::Tensor> down;
  for (const LinearWeights* layer : layers) down.push_back(layer->weight);
  for (const AdapterRange& range : all) {
    std::vector<at::Tensor> up;
    for (const LinearWeights* layer : layers) {
      if (const LoraLayer* lora = FindLora(layer->adapters, range.adapter)) {
        down.push_back(lora->a);
        up.push_back(lora->b);
      }
    }
    Stack(up);
  }
  Stack(down);
}

std::vector<at::Tensor> StackedLinear(const at::Tensor& x,
                                      const std::vector<const LinearWeights*>& layers,
                                      const AdapterRows& rows) {
  const bool serves = !at::GradMode::is_enabled() && !cpu::Serves(x);
  const auto stacked = serves ? StackedColumns::Of(layers, rows) : std::nullopt;
  std::vector<at::Tensor> results;
  if (!stacked || x.numel() == 0) {
    for (const LinearWeights* layer : layers) results.push_back(Linear(x, *layer, rows));
    return results;
  }
  const at::Tensor flat = x.reshape({-1, x.size(-1)});
  const at::Tensor product = at::linear(flat, stacked->Matrix());  // [M,columns]
  const int64_t tokens = flat.size(0) / x.size(0);
  for (const AdapterRange& range : rows) {
    const int64_t end = EndRow(range, x.size(0)), count = (end - range.begin) * tokens;
    if (count > 0) {
      AddThin(product.narrow(0, range.begin * tokens, count), *stacked,
              stacked->adapter(range.adapter), range.scale);
    }
  }
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = product.size(1);
  const at::Tensor shaped = product.view(sizes);
  for (size_t i = 0; i < layers.size(); ++i)
    results.push_back(shaped.narrow(-1, stacked->begin(i), layers[i]->weight.size(0)));
  return results;
}

}  // namespace draftp
