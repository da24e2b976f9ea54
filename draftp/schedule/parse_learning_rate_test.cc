// Tests of reading learning-rate schedules from text.
#include "draftp/schedule/parse_learning_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace draftp {
namespace {

TEST(ParseLearningRateTest, ReadsEveryMember) {
  EXPECT_EQ((*ParseLearningRate("1e-4"))(7), 1e-4);
  EXPECT_EQ((*ParseLearningRate("cosine(1e-3,0,10)"))(4), CosineRate(1e-3, 0, 10)(4));
  EXPECT_EQ((*ParseLearningRate("warmup(10000,1e-4)"))(0), 1e-4 / 10001);
  EXPECT_EQ((*ParseLearningRate("warmup(5,cosine(1e-3,0,10))"))(9), CosineRate(1e-3, 0, 10)(4));
}

TEST(ParseLearningRateTest, EveryFormIsFiniteAndReadsBack) {
  for (const auto& form : schedule_text::kLearningRateForms) {
    const AnyLearningRate rate = ParseLearningRate(form.example).value();
    EXPECT_EQ(ParseLearningRate(rate.name()).value(), rate);
    for (std::int64_t step = 0; step < 20000; ++step) {
      ASSERT_TRUE(std::isfinite(rate(step)) && rate(step) >= 0) << rate.name();
    }
  }
}

TEST(ParseLearningRateTest, RefusesMalformedTextAndListsTheValidForms) {
  for (const char* text :
       {"", "x", "-1", "nan", "inf", "1e999", "cosine(1,0)", "cosine(0,1,5)", "cosine(1,0,1.5)",
        "warmup(1)", "warmup(-1,1)", "warmup(1.5,1)", "warmup(1,x)", "warmup(1,1:1)", "1@step"}) {
    const std::string error = ParseLearningRate(text).error();
    EXPECT_TRUE(error.starts_with("learning rate \"")) << text << ": " << error;
    EXPECT_TRUE(error.ends_with("; valid forms: a number, cosine(from,to,steps), warmup(steps,R)"))
        << error;
  }
}

}  // namespace
}  // namespace draftp
