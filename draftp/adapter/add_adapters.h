// Adds what adapters change to a layer's output, each on its own rows.
#ifndef DRAFTP_ADAPTER_ADD_ADAPTERS_H_
#define DRAFTP_ADAPTER_ADD_ADAPTERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/adapter/lora.h"

namespace draftp {

// y [R,...], the layer's output for x [R,...] and the caller's own, plus scale * delta(rows of x,
// lora) on the rows of each range whose adapter is in `slots`. No backward formula may need y.
template <class Delta>
at::Tensor AddAdapters(at::Tensor y, const at::Tensor& x, const LoraSlots& slots,
                       const AdapterRows& rows, Delta&& delta) {
  for (const AdapterRange& range : rows) {
    const int64_t end = EndRow(range, x.size(0));
    const LoraLayer* lora = FindLora(slots, range.adapter);
    if (lora == nullptr || range.begin == end) continue;
    const bool all = range.begin == 0 && end == x.size(0);
    const at::Tensor input = all ? x : x.narrow(0, range.begin, end - range.begin);
    const at::Tensor change = delta(input, *lora);
    const double scale = lora->scale * range.scale;
    if (all) {
      y = y.add(change, scale);
    } else {
      y.narrow(0, range.begin, end - range.begin).add_(change, scale);
    }
  }
  return y;
}

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADD_ADAPTERS_H_
