#include "draftp/train/setting_rows.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/config/config_value.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/schedule/text.h"

namespace draftp {
namespace {

template <class T>
ConfigRow<T> ScheduleRow(Parsed<T> (*parse)(std::string_view), const std::string& expected) {
  return {expected,
          [=](const ConfigValue& value) -> std::optional<T> {
            if (!value.IsScalar()) return std::nullopt;
            Parsed<T> parsed = parse(value.text);
            return parsed.ok() ? std::optional<T>(*std::move(parsed)) : std::nullopt;
          },
          [](const T& schedule) {
            const std::string& text = schedule.name();
            const std::optional<double> number = ParseFiniteDouble(text);
            return number ? ConfigValue::Number(FormatDouble(*number)) : ConfigValue::Text(text);
          }};
}

}  // namespace

ConfigRow<AnyKlSchedule> KlScheduleRow() {
  return ScheduleRow<AnyKlSchedule>(ParseKlSchedule, KlScheduleForms());
}

ConfigRow<AnyLearningRate> LearningRateRow() {
  ConfigRow<AnyLearningRate> row =
      ScheduleRow<AnyLearningRate>(ParseLearningRate, LearningRateForms() + ", from 1e-12 to 100");
  row.parse = [parse = row.parse](const ConfigValue& value) {
    std::optional<AnyLearningRate> rate = parse(value);
    const bool within =
        rate.has_value() && (!rate->constant() || ((*rate)(0) >= 1e-12 && (*rate)(0) <= 100));
    return within ? rate : std::nullopt;
  };
  return row;
}

ConfigRow<std::vector<AnyStopRule>> StopRulesRow() {
  using Rules = std::vector<AnyStopRule>;
  return {StopRuleForms() + ", or several of them separated by commas",
          [](const ConfigValue& value) -> std::optional<Rules> {
            Rules rules;
            const bool list = value.kind == ConfigValue::Kind::kList && !value.items.empty();
            if (!value.IsScalar() && !list) return std::nullopt;
            for (const std::string& item : list ? value.items : std::vector{value.text}) {
              const auto parsed = ParseStopRules(item);
              if (!parsed.ok()) return std::nullopt;
              rules.insert(rules.end(), parsed->begin(), parsed->end());
            }
            return rules;
          },
          [](const Rules& rules) {
            std::string text;
            for (const AnyStopRule& rule : rules) text += (text.empty() ? "" : ",") + rule.name();
            return rules.empty() ? ConfigValue::Null() : ConfigValue::Text(text);
          }};
}

ConfigRow<KlWeight> KlWeightRow() {
  std::vector<std::pair<std::string, KlWeight>> weights;
  for (const std::string& name : kKlWeights.Names())
    weights.emplace_back(name, *ParseKlWeight(name));
  return NamedRow(std::move(weights));
}

ConfigRow<AlignProp::Draw> TruncationDrawRow() {
  return NamedRow<AlignProp::Draw>(
      {{"uniform", AlignProp::Draw::kUniform}, {"normal", AlignProp::Draw::kNormal}});
}

}  // namespace draftp
