// Tests of the example of docs/add_a_weighing_function.md, and that the page shows this very code.
#include "draftp/schedule/sigmoid_example.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "draftp/schedule/form.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/weighing_conformance.h"
#include "draftp/testing/doc_examples.h"

namespace draftp::testing {
namespace {

struct SigmoidExamples {
  static std::vector<SigmoidWeighing<>> All() { return {{0.5, 0.1}, {0, 1e-300}, {1, 1e300}}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sigmoid, WeighingConformance, SigmoidExamples);

TEST(SigmoidWeighingTest, IsOneHalfAtItsCenterAndSymmetric) {
  const SigmoidWeighing<> sigmoid(0.5, 0.1);
  EXPECT_EQ(sigmoid({5, 10, 1, 0}), 0.5);
  EXPECT_DOUBLE_EQ(sigmoid({6, 10, 1, 0}), 1 / (1 + std::exp(-1.0)));
  EXPECT_DOUBLE_EQ(sigmoid({2, 10, 1, 0}) + sigmoid({8, 10, 1, 0}), 1);
}

TEST(SigmoidWeighingTest, RejectsACenterOutOfRangeAndNoWidth) {
  EXPECT_THROW(SigmoidWeighing<>(2, 0.1), std::invalid_argument);
  EXPECT_THROW(SigmoidWeighing<>(0.5, 0), std::invalid_argument);
}

using schedule_text::OverAny;

constexpr schedule_text::Form<AnyWeighing> kForms[] = {
    OverAny<SigmoidWeighing>(),
};

TEST(SigmoidWeighingTest, IsReadByItsLineInTheTable) {
  const auto parsed =
      schedule_text::ParseForm<AnyWeighing>("weight type", "sigmoid(0,1)@logsnr", kForms);
  EXPECT_EQ(parsed.value().name(), "sigmoid(0,1)@logsnr");
  EXPECT_EQ((*parsed)({0, 1, 1, 0}), 0.5);
  EXPECT_EQ(kForms[0].pattern, "sigmoid(center,width)[@step|time|sigma|logsnr]");
}

TEST(AddAWeighingFunctionPage, ShowsCodeThatThisTestCompiles) {
  EXPECT_EQ(CountCompiledBlocks(
                "docs/add_a_weighing_function.md",
                {"draftp/schedule/sigmoid_example.h", "draftp/schedule/sigmoid_example_test.cc"}),
            3);
}

TEST(SchedulesPage, ListsEveryFormWithItsPatternAndExample) {
  std::string page = DocText("docs/schedules.md");
  std::erase(page, '\\');  // a table's cell writes | as \|
  for (const auto& form : schedule_text::kWeighingForms) {
    EXPECT_NE(page.find("`" + std::string(form.pattern) + "`"), std::string::npos) << form.pattern;
    EXPECT_NE(page.find("`" + std::string(form.example) + "`"), std::string::npos) << form.example;
  }
}

}  // namespace
}  // namespace draftp::testing
