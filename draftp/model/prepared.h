// What stays the same over all calls of a network in one run.
#ifndef DRAFTP_MODEL_PREPARED_H_
#define DRAFTP_MODEL_PREPARED_H_

#include <ATen/core/Tensor.h>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/transformer.h"

namespace draftp {

// The prompts of R rows as the network takes them, for one layout of rows and adapters.
struct Prepared {
  Prompt prompt;     // context [R,S,D]; keys and values by layer, or none: the forward call then
                     // projects them itself
  at::Tensor added;  // text_time embedding [R,E], undefined for a network without
  AdapterRows rows;  // the adapters that `prompt.keys_values` and `added` were computed with
};

}  // namespace draftp

#endif  // DRAFTP_MODEL_PREPARED_H_
