// The rows of where a program computes and in what: device, dtype and memory.
#ifndef DRAFTP_SDXL_PLACEMENT_ROWS_H_
#define DRAFTP_SDXL_PLACEMENT_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "draftp/config/config_table.h"
#include "draftp/config/config_value.h"

namespace draftp {

// auto, cpu, cuda or cuda:i with i from 0 to 127, without leading zeros.
inline bool IsDeviceName(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (text.rfind("cuda:", 0) != 0) return false;
  const std::optional<uint64_t> index = ParseUint64(text.substr(5));
  return index.has_value() && *index <= 127 && text == absl::StrCat("cuda:", *index);
}

// C has the members `device` and `dtype`.
template <class C>
void AddPlacementRows(ConfigTable<C>& table) {
  table
      .Word(&C::device, IsDeviceName, "auto, cpu, cuda or cuda:i",
            {.key = "device",
             .value_name = "auto|cpu|cuda[:i]",
             .help = "where to compute; auto takes a GPU if one can be used",
             .common = true})
      .Choice(&C::dtype,
              {{"auto", {}},
               {"float32", {"32", "32-true", "fp32"}},
               {"bfloat16", {"bf16", "bf16-mixed", "bf16-true"}}},
              {.key = "dtype",
               .original_keys = {"trainer.precision"},
               .value_name = "auto|float32|bfloat16",
               .help = "of the networks; auto: bfloat16 on a GPU, float32 on a CPU (faster there)",
               .elsewhere = {"mixed_precision", "precision", "torch_dtype"}});
}

// C has the member `decoder`.
template <class C>
void AddDecoderRow(ConfigTable<C>& table) {
  table.Choice(&C::decoder, {{"auto", {}}, {"float16", {}}, {"tf32", {}}, {"float32", {}}},
               {.key = "decoder",
                .value_name = "NAME",
                .help = "of a GPU: what the factors of the decoder's products are rounded to; "
                        "float16 (scaled, summed in float32) has tf32's mantissa and is faster; "
                        "auto: float16, beside networks in float32 float32",
                .elsewhere = {"vae_dtype", "no_half_vae", "vae_precision"}});
}

// C has the member `memory`.
template <class C>
void AddMemoryRow(ConfigTable<C>& table) {
  table.Choice(
      &C::memory, {{"auto", {}}, {"fast", {}}, {"balanced", {}}, {"small", {}}},
      {.key = "memory",
       .value_name = "NAME",
       .help = "of a GPU: fast (all weights stay there), balanced (text encoders come when "
               "they encode) or small (the UNet's blocks come one by one, too); auto takes "
               "the first that fits",
       .elsewhere = {"lowvram", "medvram", "offload"}});
}

}  // namespace draftp

#endif  // DRAFTP_SDXL_PLACEMENT_ROWS_H_
