// Ways to blend from text: the one list of all members, ParseBlending and ParseBlendingList.
#ifndef DRAFTP_SAMPLING_PARSE_BLENDING_H_
#define DRAFTP_SAMPLING_PARSE_BLENDING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/sampling/blending.h"
#include "draftp/sampling/blendings.h"
#include "draftp/sampling/split_blendings.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/text.h"
#include "draftp/schedule/weighing.h"
#include "draftp/schedule/weighings.h"

namespace draftp {

// What ways to blend read besides their text.
struct BlendContext {
  uint64_t seed = 0;  // of what is drawn
};

namespace schedule_text {

// Arguments [begin, end) of a term as weight types.
inline Parsed<std::vector<AnyWeighing>> ReadWeighings(const Term& term, std::size_t begin,
                                                      std::size_t end) {
  std::vector<AnyWeighing> weighings;
  for (std::size_t i = begin; i < end; ++i) {
    Parsed<AnyWeighing> weighing = AnyWeighing::FromTerm(term.arguments[i]);
    if (!weighing.ok()) return ParseError{weighing.error()};
    weighings.push_back(*std::move(weighing));
  }
  return weighings;
}

constexpr std::size_t kMostAdapters = 64;

// mix and weights: a weight type for each adapter.
template <class B>
Parsed<AnyBlending> ReadOfEach(const Term& term, const BlendContext&) {
  if (const std::string error = CountError(term, 1, kMostAdapters); !error.empty())
    return ParseError{error};
  const Parsed<std::vector<AnyWeighing>> weights = ReadWeighings(term, 0, term.arguments.size());
  if (!weights.ok()) return ParseError{weights.error()};
  return AnyBlending(B(*weights));
}

inline Parsed<AnyBlending> ReadDraw(const Term& term, const BlendContext& context) {
  const Parsed<std::vector<double>> probabilities = ReadNumbers(term, 1, kMostAdapters);
  if (!probabilities.ok()) return ParseError{probabilities.error()};
  const std::string fault = DrawBlending::Fault(*probabilities);
  if (!fault.empty()) return ParseError{fault};
  return AnyBlending(DrawBlending(context.seed, *probabilities));
}

inline Parsed<AnyBlending> ReadContrast(const Term& term, const BlendContext&) {
  if (const std::string error = CountError(term, 1, 1); !error.empty()) return ParseError{error};
  const Parsed<AnyWeighing> weight = AnyWeighing::FromTerm(term.arguments[0]);
  if (!weight.ok()) return ParseError{weight.error()};
  return AnyBlending(ContrastBlending(*weight));
}

inline Parsed<AnyBlending> ReadGuided(const Term& term, const BlendContext&) {
  if (const std::string error = CountError(term, 2, 2); !error.empty()) return ParseError{error};
  const Parsed<AnyWeighing> weight = AnyWeighing::FromTerm(term.arguments[0]);
  if (!weight.ok()) return ParseError{weight.error()};
  const Parsed<double> scale = ReadNumber(term.arguments[1]);
  if (!scale.ok()) return ParseError{scale.error()};
  return AnyBlending(GuidedBlending(*weight, *scale));
}

// projected and bands: `least` weight types, or two.
template <class B, std::size_t least>
Parsed<AnyBlending> ReadSplit(const Term& term, const BlendContext&) {
  if (const std::string error = CountError(term, least, 2); !error.empty())
    return ParseError{error};
  const Parsed<std::vector<AnyWeighing>> weights = ReadWeighings(term, 0, term.arguments.size());
  if (!weights.ok()) return ParseError{weights.error()};
  return AnyBlending(
      B(weights->front(), weights->size() > 1 ? weights->back() : AnyWeighing(BaseWeighing())));
}

// The members beside a weight type alone, which is MixBlending's: a new one is a line here.
inline constexpr Form<AnyBlending, BlendContext> kBlendingForms[] = {
    {"mix", "mix(T,T,...)", "mix(linear,0.7)", ReadOfEach<MixBlending>},
    {"weights", "weights(T,...)", "weights(0.4)", ReadOfEach<WeightsBlending>},
    {"draw", "draw(p,...)", "draw(0.3,0.5)", ReadDraw},
    {"contrast", "contrast(T)", "contrast(0.8)", ReadContrast},
    {"guided", "guided(T,g)", "guided(step_0.6,1)", ReadGuided},
    {"projected", "projected(T_orthogonal[,T_parallel])", "projected(1.5,linear)",
     ReadSplit<ProjectedBlending, 1>},
    {"bands", "bands(T_low,T_high)", "bands(linear,draft)", ReadSplit<BandsBlending, 2>},
};

inline std::string ListBlendingForms() {
  return "valid forms: " + ListForms<AnyWeighing>(kWeighingForms) + ", " +
         ListForms<AnyBlending, BlendContext>(kBlendingForms);
}

}  // namespace schedule_text

// The way to blend that `text` names, a form above or a weight type; docs/schedules.md has the
// syntax. The result's name() is canonical. Any bytes are safe; the error is one line that lists
// the valid forms.
//   ParseBlending("projected(power_2.0)")->name() is "projected(power_2)"
inline Parsed<AnyBlending> ParseBlending(std::string_view text, const BlendContext& context = {}) {
  using schedule_text::kBlendingForms, schedule_text::Term;
  const auto read = [&]() -> Parsed<AnyBlending> {
    const Parsed<Term> term = schedule_text::ParseTerm(text);
    if (!term.ok()) return ParseError{term.error()};
    const bool is_form = std::ranges::any_of(
        kBlendingForms, [&](const auto& form) { return schedule_text::Matches(form, *term); });
    if (is_form)
      return schedule_text::ReadForm<AnyBlending, BlendContext>(*term, kBlendingForms, context);
    const Parsed<AnyWeighing> weighing = AnyWeighing::FromTerm(*term);
    if (!weighing.ok()) return ParseError{weighing.error()};
    return AnyBlending(MixBlending({*weighing}));
  };
  Parsed<AnyBlending> result = read();
  if (result.ok()) return result;
  return ParseError{"weight type " + schedule_text::Quote(text) + ": " + result.error() + "; " +
                    schedule_text::ListBlendingForms()};
}

// An item of a list of ways to blend.
struct BlendType {
  std::string text;      // as typed, without the spaces around it; names its output folder
  AnyBlending blending;  // what it means
};

// The items of a comma-separated list, e.g. "base, step_0.6, weights(0.4)". The error if an item is
// malformed or empty, or if two mean the same, whatever their spelling.
inline Parsed<std::vector<BlendType>> ParseBlendingList(std::string_view text,
                                                        const BlendContext& context = {}) {
  std::vector<BlendType> types;
  const auto fault = [&](const std::string& what) {
    return ParseError{"weight types " + schedule_text::Quote(text) + ": " + what};
  };
  for (const std::string_view item : schedule_text::SplitList(text)) {
    if (item.empty()) return fault("an item is empty; " + schedule_text::ListBlendingForms());
    Parsed<AnyBlending> blending = ParseBlending(item, context);
    if (!blending.ok()) return ParseError{blending.error()};
    for (const BlendType& earlier : types) {
      if (earlier.blending == *blending)
        return fault(schedule_text::Quote(earlier.text) + " and " + schedule_text::Quote(item) +
                     " are the same weight type");
    }
    types.push_back({std::string(item), *std::move(blending)});
  }
  return types;
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_PARSE_BLENDING_H_
