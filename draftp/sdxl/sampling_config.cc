#include "draftp/sdxl/sampling_config.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "draftp/config/config_row.h"
#include "draftp/config/config_value.h"
#include "draftp/io/printable.h"
#include "draftp/sampling/any_guider.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/spacings.h"
#include "draftp/schedule/text.h"
#include "draftp/sdxl/sampling_setup.h"

namespace draftp {
namespace {

using C = SamplingConfig;
using Table = ConfigTable<SamplingConfig>;

constexpr char kNoProgram[] = "";  // rows for tables that have one

// What the levels are checked against before a model is loaded: SDXL's table, and of offsets the
// one that allows most steps. MakeNoiseSchedule() has the checkpoint's own.
const TrainedLevels& SdxlLevels() {
  static const auto* const levels = new TrainedLevels{DdpmTable::Standard(), 0};
  return *levels;
}

// `1000; edm: 10000; lcm: 50`: each discretisation's limit that isn't the table's size.
std::string StepLimits() {
  std::string limits = absl::StrCat(SdxlLevels().table.size());
  for (const auto& form : schedule_text::kNoiseLevelsForms) {
    const auto levels = ParseNoiseLevels(form.key, SdxlLevels());
    if (levels.ok() && levels->max_steps() != SdxlLevels().table.size()) {
      absl::StrAppend(&limits, "; ", absl::string_view(form.key.data(), form.key.size()), ": ",
                      levels->max_steps());
    }
  }
  return limits;
}

// A registry's names, and the original's.
template <class Members>
std::vector<ConfigChoice> ChoicesOf(const Members& members) {
  std::vector<ConfigChoice> choices;
  for (const auto& member : members) {
    choices.push_back({.name = std::string(member.name)});
    if (!member.original.empty()) choices.back().aliases.emplace_back(member.original);
  }
  return choices;
}

// The gamma of a text tcd(gamma); none of any other, NaN where it isn't in [0, 1].
std::optional<double> GammaOf(const std::string& sampler) {
  const auto term = schedule_text::ParseTerm(sampler);
  if (!term.ok() || term->word != Tcd::kName || !term->called) return std::nullopt;
  const auto numbers = schedule_text::ReadNumbers(*term, 1, 1);
  const bool good = numbers.ok() && (*numbers)[0] >= 0 && (*numbers)[0] <= 1;
  return good ? (*numbers)[0] : std::nan("");
}

bool IsSampler(const std::string& text) {
  const auto gamma = GammaOf(text);
  return gamma ? !std::isnan(*gamma) : AnySampler::Members().Find(text) != nullptr;
}

Table MakeSamplingRows() {
  constexpr double kLargestScale = 1000;
  Table table(kNoProgram, "");
  table
      .Integer(&C::steps, 1, 10'000,
               {.key = "steps",
                .original_keys = {SamplingKey("steps")},
                .value_name = "N",
                .unit = "steps",
                .help = absl::StrCat("noise levels that a run passes; at most ", StepLimits()),
                .elsewhere = {"num_inference_steps", "num_steps", "sampling_steps"},
                .common = true})
      .Number(
          &C::guidance_scale, -kLargestScale, kLargestScale,
          {.key = "guidance_scale",
           .original_keys = {SamplingKey("scale")},
           .value_name = "S",
           .help = "classifier-free guidance; 0 and 1 mean none, as in diffusers, at half the cost",
           .elsewhere = {"cfg", "cfg_scale", "scale"},
           .common = true})
      .Form(
          &C::sampler, ChoicesOf(AnySampler::Members()), IsSampler,
          AnySampler::Members().List() + "[(gamma)]",
          {.key = "sampler",
           .original_keys = {SamplingKey("sampler"), SamplingKey("sampler.target"),
                             SamplingKey("sampler._target_")},
           .value_name = "NAME",
           .help = "how a step goes from one noise level to the next; lcm and tcd are for few-step "
                   "models (docs/sampling.md)",
           .elsewhere = {"scheduler", "sample_sampler"}})
      .Form(&C::discretization,
            {{"legacy_ddpm", {"LegacyDDPMDiscretization"}}, {"edm", {"EDMDiscretization"}}},
            [](const std::string& text) { return ParseNoiseLevels(text, SdxlLevels()).ok(); },
            NoiseLevelsForms(),
            {.key = "discretization",
             .original_keys = {SamplingKey("discretization"), SamplingKey("discretization.target"),
                               SamplingKey("discretization._target_")},
             .value_name = "LEVELS",
             .help = "noise levels: legacy_ddpm, edm (Karras), or diffusers' trailing, leading or "
                     "lcm (docs/schedules.md)"});
  return table;
}

Table MakePictureSizeRows() {
  constexpr int64_t kLargestSize = 8192;  // pixels
  Table table(kNoProgram, "");
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
  return table;
}

std::string OfSampler(const std::string& option, const C& config) {
  const auto& members = AnySampler::Members();
  if (members.Takes(config.sampler, option)) return "";
  return "it belongs to --sampler " + members.TakersOf(option);
}

// Of options that say how noise is added, where any is.
std::string OfNoise(const std::string& option, const C& config) {
  const auto sampler = MakeSampler(config);
  if (sampler.ok() && sampler->draws_noise()) return OfSampler(option, config);
  return option == "s_noise"
             ? "nothing adds noise within a run of this sampler"
             : "it belongs to --s_churn of --sampler " + AnySampler::Members().TakersOf(option);
}

void AddGuidanceOptions(Table& table) {
  const auto guided = [](const C& c) {
    return c.guided() ? "" : "--guidance_scale 0 and 1 are no guidance";
  };
  table
      .Number(&C::guidance_rescale, 0, 1,
              {.key = "guidance_rescale",
               .value_name = "PHI",
               .help = "pull the guided estimate's deviation back to the unguided one's (Lin et "
                       "al., 0.7); 0 means none",
               .elsewhere = {"rescale_cfg", "cfg_rescale"}})
      .NoEffect([=](const C& c) { return c.guidance_rescale == 0 ? "0 is none" : guided(c); })
      .Pair(&C::guidance_interval, 0, 1e6,
            {.key = "guidance_interval",
             .value_name = "LO,HI",
             .unit = "sigma",
             .help = "guide in steps from LO to HI alone, which saves half of the others; 0,0 "
                     "means in all"})
      .NoEffect([=](const C& c) {
        return c.guidance_interval == C{}.guidance_interval ? "0,0 is all of them" : guided(c);
      })
      .Choice(
          &C::guider, ChoicesOf(AnyGuider::Members()),
          {.key = "guider",
           .original_keys = {SamplingKey("guider"), SamplingKey("guider.target"),
                             SamplingKey("guider._target_")},
           .value_name = "NAME",
           .help = "how the conditional and the unconditional estimate combine; projected (APG) "
                   "keeps large scales from oversaturating (docs/sampling.md)"})
      .NoEffect(guided);
  const auto of_guider = [=](const std::string& option) {
    return [=](const C& c) -> std::string {
      const auto& members = AnyGuider::Members();
      if (members.Takes(c.guider, option)) return guided(c);
      return "it belongs to --guider " + members.TakersOf(option);
    };
  };
  table
      .Number(&C::guidance_parallel, 0, 1,
              {.key = "guidance_parallel",
               .value_name = "X",
               .help = "projected: share of the difference's part along the conditional estimate"})
      .NoEffect(of_guider("guidance_parallel"))
      .Number(&C::guidance_norm, 0, 1e6,
              {.key = "guidance_norm",
               .value_name = "R",
               .help = "projected: largest norm of an image's difference of estimates; 0 lets any "
                       "pass"})
      .NoEffect(of_guider("guidance_norm"));
}

Table MakeSamplerOptionRows() {
  Table table(kNoProgram, "");
  using Why = std::function<std::string(const C&)>;
  const auto number = [&](double C::* member, double low, double high, const std::string& key,
                          const std::string& unit, const std::string& help, Why no_effect) {
    table
        .Number(member, low, high,
                {.key = key,
                 .original_keys = {SamplingKey(key)},
                 .value_name = "X",
                 .unit = unit,
                 .help = help})
        .NoEffect(std::move(no_effect));
  };
  const auto of_sampler = [](const std::string& option) -> Why {
    return [=](const C& c) { return OfSampler(option, c); };
  };
  const auto of_noise = [](const std::string& option) -> Why {
    return [=](const C& c) { return OfNoise(option, c); };
  };
  const Why edm = [](const C& c) {
    return c.discretization == "edm" ? "" : "it belongs to --discretization edm";
  };
  number(&C::sigma_min, 1e-6, 1e6, "sigma_min", "sigma", "edm: the last level before 0", edm);
  number(&C::sigma_max, 1e-6, 1e6, "sigma_max", "sigma", "edm: the first level", edm);
  number(&C::rho, 1, 100, "rho", "", "edm: curvature of the levels", edm);
  number(&C::s_churn, 0, 1e6, "s_churn", "", "euler, heun: noise added over the run",
         of_sampler("s_churn"));
  number(&C::s_tmin, 0, 1e6, "s_tmin", "sigma", "euler, heun: no churn below", of_noise("s_tmin"));
  number(&C::s_tmax, 0, 1e6, "s_tmax", "sigma", "euler, heun: no churn above", of_noise("s_tmax"));
  number(&C::s_noise, 0, 1000, "s_noise", "", "factor on the noise added in a run",
         of_noise("s_noise"));
  number(&C::eta, 0, 1000, "eta", "", "euler_ancestral, dpmpp_2s: share of fresh noise",
         of_sampler("eta"));
  table
      .Integer(&C::order, 1, 8,
               {.key = "order",
                .original_keys = {SamplingKey("order")},
                .value_name = "N",
                .unit = "steps",
                .help = "lms: how many steps it looks back"})
      .NoEffect(of_sampler("order"));
  table
      .Number(&C::gamma, 0, 1,
              {.key = "gamma",
               .value_name = "X",
               .help = "tcd: how much further down a step goes, and back up with noise (diffusers' "
                       "eta)"})
      .NoEffect(of_sampler("gamma"));
  AddGuidanceOptions(table);
  return table;
}

const std::pair<const char*, double C::*> kEdmOptions[] = {
    {"sigma_min", &C::sigma_min}, {"sigma_max", &C::sigma_max}, {"rho", &C::rho}};

// Whether its text has the options of edm.
bool HasEdmOptions(const C& config) {
  return config.discretization != "edm" && absl::StartsWith(config.discretization, "edm");
}

absl::Status CheckSampler(const C& config) {
  if (!GammaOf(config.sampler) || config.gamma == C{}.gamma) return absl::OkStatus();
  return InvalidFlag("gamma", absl::StrCat("it beside --sampler ", config.sampler),
                     "one of the two");
}

absl::Status CheckDiscretization(const C& config) {
  if (config.discretization == "edm") {
    if (1.01 * config.sigma_min <= config.sigma_max) return absl::OkStatus();
    return InvalidFlag("sigma_min", FormatDouble(config.sigma_min),
                       absl::StrCat("at most --sigma_max ", FormatDouble(config.sigma_max),
                                    " divided by 1.01 with --discretization edm"));
  }
  if (!HasEdmOptions(config)) return absl::OkStatus();
  for (const auto& [key, member] : kEdmOptions) {
    if (config.*member != C{}.*member) {
      return InvalidFlag(key, absl::StrCat("it beside --discretization ", config.discretization),
                         "one of the two");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string SamplingConfig::NoiseLevels() const {
  if (discretization != "edm") return discretization;
  return absl::StrCat("edm(", FormatDouble(sigma_min), ",", FormatDouble(sigma_max), ",",
                      FormatDouble(rho), ")");
}

const Table& PictureSizeRows() {
  static const auto* const table = new Table(MakePictureSizeRows());
  return *table;
}

const Table& SamplingRows() {
  static const auto* const table = new Table(MakeSamplingRows());
  return *table;
}

const Table& SamplerOptionRows() {
  static const auto* const table = new Table(MakeSamplerOptionRows());
  return *table;
}

void DropShorthands(const std::set<std::string>& typed, C& config) {
  if (typed.contains("sampler") && GammaOf(config.sampler) && !typed.contains("gamma"))
    config.gamma = C{}.gamma;
  if (!typed.contains("discretization") || !HasEdmOptions(config)) return;
  for (const auto& [key, member] : kEdmOptions) {
    if (!typed.contains(key)) config.*member = C{}.*member;
  }
}

void FillShorthands(C& config) {
  if (const auto gamma = GammaOf(config.sampler)) {
    config.gamma = *gamma;
    config.sampler = Tcd::kName;
  }
  if (!HasEdmOptions(config)) return;
  const auto term = schedule_text::ParseTerm(config.discretization);
  const std::vector<double> numbers = schedule_text::ReadNumbers(*term, 3, 3).value();
  for (int i = 0; i < 3; ++i) config.*kEdmOptions[i].second = numbers[i];
  config.discretization = "edm";
}

absl::Status CheckSampling(const C& config) {
  for (const auto& [key, size] : {std::pair("height", config.height), {"width", config.width}}) {
    if (size % 8 != 0) return InvalidFlag(key, absl::StrCat(size), "a multiple of 8");
  }
  if (absl::Status sampler = CheckSampler(config); !sampler.ok()) return sampler;
  if (absl::Status levels = CheckDiscretization(config); !levels.ok()) return levels;
  const auto levels = ParseNoiseLevels(config.NoiseLevels(), SdxlLevels());
  if (!levels.ok()) return absl::InvalidArgumentError("--discretization: " + levels.error());
  if (config.steps > levels->max_steps()) {
    return InvalidFlag("steps", absl::StrCat(config.steps),
                       absl::StrCat("at most ", levels->max_steps(), " with --discretization ",
                                    config.discretization));
  }
  const auto& [low, high] = config.guidance_interval;
  if (low <= high) return absl::OkStatus();
  return InvalidFlag("guidance_interval", absl::StrCat(FormatDouble(low), ",", FormatDouble(high)),
                     "two sigmas, the lower first");
}

}  // namespace draftp
