// Adds what adapters change to a layer's output, each on its own rows.
#ifndef DRAFTP_ADAPTER_ADD_ADAPTERS_H_
#define DRAFTP_ADAPTER_ADD_ADAPTERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/adapter/lora.h"

namespace draftp {

// Into y [R*tokens,...], the layer's output for x [R*tokens,...] and the caller's own: for each of
// `rows` whose adapter is in `slots`, add(its part of y, its part of x, lora, scale), which adds in
// place. No backward formula may need y.
template <class Add>
void AddAdapters(const at::Tensor& y, const at::Tensor& x, int64_t tokens, const LoraSlots& slots,
                 const AdapterRows& rows, Add&& add) {
  for (const AdapterRange& range : rows) {
    const int64_t end = EndRow(range, x.size(0) / tokens);
    const LoraLayer* lora = FindLora(slots, range.adapter);
    const int64_t begin = range.begin * tokens, count = end * tokens - begin;
    if (lora == nullptr || count == 0) continue;
    // Autograd copies gradients for what is written through a view.
    const auto part = [&](const at::Tensor& all) {
      return count == all.size(0) ? all : all.narrow(0, begin, count);
    };
    add(part(y), part(x), *lora, lora->scale * range.scale);
  }
}

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADD_ADAPTERS_H_
