// Tests of members that declare their parameters once.
#include "draftp/schedule/member.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "draftp/schedule/form.h"

namespace draftp::schedule_text {
namespace {

class Lone : public Member<Lone> {
 public:
  static constexpr Description kText{"plain", {}, "plain"};
};
class Bare : public Member<Bare, double> {
 public:
  static constexpr Description kText{"", {{"x"}}, "1.5"};
  using Member::Member;
  static std::string Fault(double) { return {}; }
};
class Behind : public Member<Behind, double> {
 public:
  static constexpr Description kText{"behind_", {{"p"}}, "behind_2"};
  using Member::Member;
  static std::string Fault(double) { return {}; }
};
class Ramp : public Member<Ramp, double, double, std::int64_t> {
 public:
  static constexpr Description kText{"ramp", {{"from"}, {"to"}, {"steps"}}, "ramp(0,1,5)"};
  using Member::Member;
  static std::string Fault(double from, double to, std::int64_t) {
    return from < to ? "" : "falls from " + FormatNumber(from) + " to " + FormatNumber(to);
  }
  std::int64_t steps() const { return std::get<2>(values()); }
};
class Pull : public Member<Pull, double, double> {  // one default
 public:
  static constexpr Description kText{"pull", {{"at"}, {"gain", 0.5}}, "pull(1)"};
  using Member::Member;
  static std::string Fault(double, double) { return {}; }
};
class Range : public Member<Range, double, double> {  // all defaults
 public:
  static constexpr Description kText{"range", {{"low", 0.25}, {"high", 4}}, "range(1,2)"};
  using Member::Member;
  static std::string Fault(double, double) { return {}; }
};
template <class M>
class Twice : public Member<Twice<M>, M, double> {
 public:
  static constexpr Description kText{"twice", {{"M"}, {"by"}}, "twice(ramp(0,1,5),2)", "M and by"};
  using Twice::Member::Member;
  static std::string Fault(const M&, double) { return {}; }
};
class Steps : public Member<Steps, std::vector<double>> {
 public:
  static constexpr Description kText{"steps", {{"w,..."}}, "steps(1,2)"};
  using Member::Member;
  static std::string Fault(const std::vector<double>&) { return {}; }
};
struct Wordless {};

static_assert(!HasText<Wordless>);

template <class M>
Parsed<M> Read(std::string_view text) {
  return M::FromTerm(*ParseTerm(text));
}

template <class M>
std::string NameOf(std::string_view text) {
  const Parsed<M> member = Read<M>(text);
  return member.ok() ? member->name() : "error: " + member.error();
}

TEST(MemberTest, PrintsItsParameters) {
  EXPECT_EQ(Lone().name(), "plain");
  EXPECT_EQ(Bare(0.5).name(), "0.5");
  EXPECT_EQ(Behind(2.50).name(), "behind_2.5");
  EXPECT_EQ(Ramp(0.5, 1, 1000000).name(), "ramp(0.5,1,1000000)");
  EXPECT_EQ(Steps({0, 0.5}).name(), "steps(0,0.5)");
  EXPECT_EQ(Twice<Ramp>(Ramp(0, 1, 5), 2).name(), "twice(ramp(0,1,5),2)");
}

TEST(MemberTest, ReadsWhatItPrints) {
  EXPECT_EQ(NameOf<Lone>("plain"), "plain");
  EXPECT_EQ(NameOf<Bare>("0.50"), "0.5");
  EXPECT_EQ(NameOf<Behind>("behind_2.5"), "behind_2.5");
  EXPECT_EQ(NameOf<Ramp>("ramp(0, 1, 1e6)"), "ramp(0,1,1000000)");
  EXPECT_EQ(Read<Ramp>("ramp(0,1,7)")->steps(), 7);
  EXPECT_EQ(NameOf<Twice<Ramp>>("twice(ramp(0,1,5),2)"), "twice(ramp(0,1,5),2)");
}

TEST(MemberTest, LeavesDefaultsOut) {
  EXPECT_EQ(Pull(1, 0.5).name(), "pull(1)");
  EXPECT_EQ(Pull(1, 0.6).name(), "pull(1,0.6)");
  EXPECT_EQ(NameOf<Pull>("pull(1)"), "pull(1)");
  EXPECT_EQ(NameOf<Pull>("pull(1,2)"), "pull(1,2)");
  EXPECT_EQ(NameOf<Range>("range"), "range");
  EXPECT_EQ(NameOf<Range>("range(0.25,4)"), "range");
  EXPECT_EQ(NameOf<Range>("range(0.25,5)"), "range(0.25,5)");
}

TEST(MemberTest, SaysWhatIsWrongWithArguments) {
  EXPECT_EQ(Read<Ramp>("ramp(1,2)").error(), "ramp has 2 arguments, expected 3");
  EXPECT_EQ(Read<Ramp>("ramp(1,x,0.5)").error(), "\"x\" is not a finite decimal number");
  EXPECT_EQ(Read<Ramp>("ramp(1,2,0.5)").error(),
            "steps is 0.5, expected a whole number from 0 to 1000000000");
  EXPECT_EQ(Read<Pull>("pull(1,2,3)").error(), "pull has 3 arguments, expected between 1 and 2");
  EXPECT_EQ(Read<Range>("range()").error(), "range has 0 arguments, expected 2");
  EXPECT_EQ(Read<Range>("range(1)").error(), "range has 1 arguments, expected 2");
  EXPECT_EQ(Read<Twice<Ramp>>("twice(1)").error(), "twice needs M and by");
  EXPECT_EQ(Read<Twice<Ramp>>("twice(ramp(2,1,5),x)").error(), "falls from 2 to 1");
  EXPECT_EQ(Read<Behind>("behind_").error(), "\"behind_\" lacks the number after '_'");
}

TEST(MemberTest, ChecksItsValuesHoweverItIsMade) {
  EXPECT_EQ(Ramp::Make(2, 1, 5).error(), "falls from 2 to 1");
  EXPECT_TRUE(Ramp::Make(1, 2, 5).ok());
  EXPECT_EQ(Read<Ramp>("ramp(2,1,5)").error(), "falls from 2 to 1");
  EXPECT_THROW(Ramp(2, 1, 5), std::invalid_argument);
}

TEST(MemberTest, IsARowOfItsFamilysForms) {
  const Form<Bare> form = FormOf<Bare, Bare>();
  EXPECT_EQ(form.key, "");
  EXPECT_EQ(form.example, "1.5");
  EXPECT_EQ(form.read(*ParseTerm("2"))->name(), "2");
  EXPECT_EQ(form.read(*ParseTerm("x")).error(), "\"x\" is not a finite decimal number");
}

struct FirstAxis {
  static constexpr std::string_view kName = "first";
};
struct SecondAxis {
  static constexpr std::string_view kName = "second";
};

TEST(PatternTest, ShowsParametersDefaultsAndCoordinates) {
  const auto text = [](const Pattern& pattern) { return std::string_view(pattern); };
  EXPECT_EQ(text(kPattern<Lone>), "plain");
  EXPECT_EQ(text(kPattern<Bare>), "a number");
  EXPECT_EQ(text(kPattern<Behind>), "behind_p");
  EXPECT_EQ(text(kPattern<Ramp>), "ramp(from,to,steps)");
  EXPECT_EQ(text(kPattern<Pull>), "pull(at[,gain])");
  EXPECT_EQ(text(kPattern<Range>), "range[(low,high)]");
  EXPECT_EQ(text(kPattern<Steps>), "steps(w,...)");
  EXPECT_EQ(text(kPattern<Behind, FirstAxis>), "behind_p[@first]");
  EXPECT_EQ(text(kPattern<Ramp, FirstAxis, SecondAxis>), "ramp(from,to,steps)[@first|second]");
}

}  // namespace
}  // namespace draftp::schedule_text
