// The rows of a configuration table that every program which samples has: picture size, noise
// levels, sampler, device.
#ifndef DRAFTP_PIPELINE_SAMPLING_ROWS_H_
#define DRAFTP_PIPELINE_SAMPLING_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_row.h"
#include "draftp/io/config_table.h"
#include "draftp/io/config_value.h"

namespace draftp {

// The original's key of a setting of its sampler.
inline std::string SamplingKey(const std::string& key) { return "model.sampling.base." + key; }

// auto, cpu, cuda or cuda:i with i from 0 to 127, without leading zeros.
inline bool IsDeviceName(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (text.rfind("cuda:", 0) != 0) return false;
  const std::optional<uint64_t> index = ParseUint64(text.substr(5));
  return index.has_value() && *index <= 127 && text == absl::StrCat("cuda:", *index);
}

// C has the members that AnnealConfig has of the same names.
template <class C>
void AddPictureSize(ConfigTable<C>& table) {
  constexpr int64_t kLargestSize = 8192;  // pixels
  for (const auto& [key, member] : {std::pair("height", &C::height), {"width", &C::width}}) {
    table.Integer(member, 0, kLargestSize,
                  {.key = key,
                   .original_keys = {SamplingKey(key)},
                   .value_name = "N",
                   .unit = "pixels",
                   .help = "a multiple of 8; 0 means the model's own",
                   .elsewhere = {"resolution", "size"},
                   .common = true});
  }
}

template <class C>
void AddSamplingRows(ConfigTable<C>& table) {
  constexpr double kLargestScale = 1000;
  table
      .Integer(&C::steps, 1, 10'000,
               {.key = "steps",
                .original_keys = {SamplingKey("steps")},
                .value_name = "N",
                .unit = "steps",
                .help = "noise levels that a run passes; at most 1000 (leading: 999) but for edm",
                .elsewhere = {"num_inference_steps", "num_steps", "sampling_steps"},
                .common = true})
      .Number(&C::guidance_scale, -kLargestScale, kLargestScale,
              {.key = "guidance_scale",
               .original_keys = {SamplingKey("scale")},
               .value_name = "S",
               .help = "classifier-free guidance; 1 means none and costs half",
               .elsewhere = {"cfg", "cfg_scale", "scale"},
               .common = true})
      .Choice(&C::sampler,
              {{"euler", {"EulerEDMSampler"}},
               {"heun", {"HeunEDMSampler"}},
               {"euler_ancestral", {"EulerAncestralSampler"}},
               {"dpmpp_2s", {"DPMPP2SAncestralSampler"}},
               {"dpmpp_2m", {"DPMPP2MSampler"}},
               {"lms", {"LinearMultistepSampler"}}},
              {.key = "sampler",
               .original_keys = {SamplingKey("sampler"), SamplingKey("sampler.target"),
                                 SamplingKey("sampler._target_")},
               .value_name = "NAME",
               .help = "euler, heun, euler_ancestral, dpmpp_2s, dpmpp_2m or lms",
               .elsewhere = {"scheduler", "sample_sampler"}})
      .Choice(
          &C::discretization,
          {{"legacy_ddpm", {"LegacyDDPMDiscretization"}},
           {"edm", {"EDMDiscretization"}},
           {"trailing", {}},
           {"leading", {}}},
          {.key = "discretization",
           .original_keys = {SamplingKey("discretization"), SamplingKey("discretization.target"),
                             SamplingKey("discretization._target_")},
           .value_name = "NAME",
           .help = "noise levels: legacy_ddpm, edm (Karras), or diffusers' trailing or leading"});
}

// Whether euler's or heun's churn, and whether anything at all adds noise within a run.
template <class C>
bool Churns(const C& config) {
  return config.s_churn > 0 && (config.sampler == "euler" || config.sampler == "heun");
}
template <class C>
bool IsAncestral(const C& config) {
  return config.sampler == "euler_ancestral" || config.sampler == "dpmpp_2s";
}

template <class C>
void AddSamplerOptions(ConfigTable<C>& table) {
  const auto number = [&](double C::*member, double low, double high, const std::string& key,
                          const std::string& unit, const std::string& help,
                          const char* (*no_effect)(const C&)) {
    table.Number(member, low, high,
                 {.key = key,
                  .original_keys = {SamplingKey(key)},
                  .value_name = "X",
                  .unit = unit,
                  .help = help});
    table.NoEffect(no_effect);
  };
  const auto edm = [](const C& c) {
    return c.discretization == "edm" ? "" : "it belongs to --discretization edm";
  };
  const auto churn = [](const C& c) {
    return c.sampler == "euler" || c.sampler == "heun" ? ""
                                                       : "it belongs to --sampler euler and heun";
  };
  const auto churned = [](const C& c) {
    return Churns(c) ? "" : "it belongs to --s_churn of --sampler euler and heun";
  };
  const auto noise = [](const C& c) {
    return Churns(c) || IsAncestral(c) ? "" : "nothing adds noise within a run of this sampler";
  };
  const auto ancestral = [](const C& c) {
    return IsAncestral(c) ? "" : "it belongs to --sampler euler_ancestral and dpmpp_2s";
  };
  table.Group("Options of samplers and discretisations");
  number(&C::sigma_min, 1e-6, 1e6, "sigma_min", "sigma", "edm: the last level before 0", edm);
  number(&C::sigma_max, 1e-6, 1e6, "sigma_max", "sigma", "edm: the first level", edm);
  number(&C::rho, 1, 100, "rho", "", "edm: curvature of the levels", edm);
  number(&C::s_churn, 0, 1e6, "s_churn", "", "euler, heun: noise added over the run", churn);
  number(&C::s_tmin, 0, 1e6, "s_tmin", "sigma", "euler, heun: no churn below", churned);
  number(&C::s_tmax, 0, 1e6, "s_tmax", "sigma", "euler, heun: no churn above", churned);
  number(&C::s_noise, 0, 1000, "s_noise", "", "factor on the noise added in a run", noise);
  number(&C::eta, 0, 1000, "eta", "", "euler_ancestral, dpmpp_2s: share of fresh noise", ancestral);
  table
      .Integer(&C::order, 1, 8,
               {.key = "order",
                .original_keys = {SamplingKey("order")},
                .value_name = "N",
                .unit = "steps",
                .help = "lms: how many steps it looks back"})
      .NoEffect([](const C& c) { return c.sampler == "lms" ? "" : "it belongs to --sampler lms"; });
}

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

// `--key: found X, expected Y`.
inline absl::Status InvalidFlag(const std::string& key, const std::string& found,
                                const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", key, ": found ", found, ", expected ", expected));
}

// The rules between the rows above.
template <class C>
absl::Status CheckSampling(const C& config) {
  for (const auto& [key, size] : {std::pair("height", config.height), {"width", config.width}}) {
    if (size % 8 != 0) return InvalidFlag(key, absl::StrCat(size), "a multiple of 8");
  }
  const int64_t most = config.discretization == "edm"       ? 10'000
                       : config.discretization == "leading" ? 999
                                                            : 1000;
  if (config.steps > most) {
    return InvalidFlag(
        "steps", absl::StrCat(config.steps),
        absl::StrCat("at most ", most, " with --discretization ", config.discretization));
  }
  if (config.discretization == "edm" && 1.01 * config.sigma_min > config.sigma_max) {
    return InvalidFlag("sigma_min", FormatDouble(config.sigma_min),
                       absl::StrCat("at most --sigma_max ", FormatDouble(config.sigma_max),
                                    " divided by 1.01 with --discretization edm"));
  }
  return absl::OkStatus();
}

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_SAMPLING_ROWS_H_
