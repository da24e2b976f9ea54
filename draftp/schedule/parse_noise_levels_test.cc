// Tests of reading noise levels from text.
#include "draftp/schedule/parse_noise_levels.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

TEST(ParseNoiseLevelsTest, ReadsEveryMember) {
  EXPECT_EQ(ParseNoiseLevels("legacy_ddpm")->Sigmas(25), LegacyDdpm().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("edm")->Sigmas(25), EdmKarras().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("edm(0.03,10,7)")->Sigmas(25), EdmKarras(0.03, 10, 7).Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("trailing")->Sigmas(25), TrailingSpacing().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("leading")->Sigmas(25), LeadingSpacing(0).Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("leading(1)")->Sigmas(25), LeadingSpacing(1).Sigmas(25));
}

TEST(ParseNoiseLevelsTest, EveryFormsNameReadsBackAsTheSameLevels) {
  for (const auto& form : schedule_text::kNoiseLevelsForms) {
    const AnyNoiseLevels levels = ParseNoiseLevels(form.example).value();
    const AnyNoiseLevels again = ParseNoiseLevels(levels.name()).value();
    EXPECT_EQ(again, levels);
    EXPECT_EQ(again.Sigmas(25), levels.Sigmas(25));
  }
}

TEST(ParseNoiseLevelsTest, PrintsCanonically) {
  EXPECT_EQ(ParseNoiseLevels("edm(0.0292, 14.6146, 3.0)")->name(), "edm");
  EXPECT_EQ(ParseNoiseLevels("leading(0)")->name(), "leading");
}

TEST(ParseNoiseLevelsTest, LevelsAreThoseThatTheModelWasTrainedOn) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.0001, 0.002, 500);
  for (const char* text : {"legacy_ddpm", "trailing", "leading"}) {
    const AnyNoiseLevels levels = ParseNoiseLevels(text, {table, 0}).value();
    EXPECT_EQ(levels.max_steps(), 500) << text;
    EXPECT_LE(levels.Sigmas(10)[0], table.sigmas().back()) << text;
  }
  EXPECT_EQ(ParseNoiseLevels("leading", {table, 1})->Sigmas(10)[0], table.sigmas()[451]);
  EXPECT_EQ(ParseNoiseLevels("leading(0)", {table, 1})->Sigmas(10)[0], table.sigmas()[450]);
  EXPECT_FALSE(ParseNoiseLevels("leading", {table, 2}).ok());
}

TEST(ParseNoiseLevelsTest, RefusesMalformedTextAndListsTheValidForms) {
  for (const char* text :
       {"", "ddpm", "legacy_ddpm()", "edm()", "edm(1,2)", "edm(2,1,3)", "edm(nan,1,3)",
        "leading(2)", "leading(0.5)", "leading(-1)", "trailing(1)", "trailing@sigma"}) {
    const std::string error = ParseNoiseLevels(text).error();
    EXPECT_TRUE(error.starts_with("noise levels \"")) << text << ": " << error;
    EXPECT_TRUE(
        error.ends_with("; valid forms: legacy_ddpm, edm[(smin,smax,rho)], trailing, "
                        "leading[(steps_offset)]"))
        << error;
  }
}

}  // namespace
}  // namespace draftp
