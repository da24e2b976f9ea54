// Tests of the objectives' draws, losses and names; their gradients are micro_batch_test.cc's.
#include "draftp/objective/any_objective.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace draftp {
namespace {

using ::testing::HasSubstr;

struct WithoutLoss {
  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom&) const;
  bool fixed_window() const;
  std::string name() const;
};
struct WithoutAWindowsKind {
  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom&) const;
  at::Tensor Loss(const at::Tensor& rewards) const;
  std::string name() const;
};
struct WithOneLatent {
  template <class R>
  at::Tensor Latents(R& rollout, StepRandom&) const;
  at::Tensor Loss(const at::Tensor& rewards) const;
  bool fixed_window() const;
  std::string name() const;
};
static_assert(!Objective<WithoutLoss>);
static_assert(!Objective<WithoutAWindowsKind>);
static_assert(!Objective<WithOneLatent>);

TEST(AnyObjective, HasEachMemberByItsName) {
  for (const std::string& name : AnyObjective::Names())
    EXPECT_EQ(AnyObjective::Named(name, {})->name(), name);
}

// A run of ten steps that notes what an objective does with it.
struct NotedRollout {
  int steps() const { return 10; }
  double sigma(int step) const { return 10.0 - step; }
  template <class W>
  at::Tensor Run(const W& window) {
    return Resume(0, at::zeros({1}), window);
  }
  template <class W>
  at::Tensor Resume(int first, at::Tensor x, const W& window) {
    for (int i = first; i < steps(); ++i) {
      const StepAction action = window(i, steps());
      notes.push_back({static_cast<int>(action.gradient), action.predict_and_stop});
    }
    return x;
  }
  at::Tensor Renoised(const at::Tensor& x, int /*step*/) {
    drawn = true;
    return x;
  }

  std::vector<std::pair<int, bool>> notes = {};
  bool drawn = false;
};

TEST(AnyObjective, SaysWhetherItsWindowIsFixed) {
  for (const std::string& name : AnyObjective::Names()) {
    const AnyObjective objective =
        *AnyObjective::Named(name, {.steps = 10, .truncation_steps = 2, .late_steps = 4});
    std::set<std::vector<std::pair<int, bool>>> kinds;
    bool drawn = false;
    for (int step = 0; step < 50; ++step) {
      NotedRollout rollout;
      StepRandom random(1, step, "objective");
      objective.Latents(rollout, random);
      kinds.insert(rollout.notes);
      drawn = drawn || rollout.drawn;
    }
    EXPECT_EQ(objective.fixed_window(), kinds.size() == 1 && !drawn) << name;
  }
}

TEST(AnyObjective, SaysWhoTakesAnOption) {
  EXPECT_EQ(AnyObjective::Members().TakersOf("truncation_steps"), "draft_k and drtune");
  EXPECT_EQ(AnyObjective::Members().TakersOf("late_steps"), "refl and drtune");
}

TEST(AnyObjective, NamesTheFlagAndWhatWasExpected) {
  EXPECT_THAT(std::string(AnyObjective::Named("ddpo", {}).status().message()),
              HasSubstr("--objective: found \"ddpo\", expected one of draft_k, draft_lv"));
  for (const int k : {0, 11}) {
    EXPECT_THAT(std::string(AnyObjective::Named("draft_k", {.steps = 10, .truncation_steps = k})
                                .status()
                                .message()),
                HasSubstr("--truncation_steps: found"));
  }
  EXPECT_FALSE(AnyObjective::Named("refl", {.steps = 10, .late_steps = 11}).ok());
}

TEST(AlignProp, DrawsEveryTruncationOfTheRun) {
  std::set<int> uniform, normal;
  for (int step = 0; step < 2000; ++step) {
    StepRandom random(1, step, "objective");
    uniform.insert(AlignProp().Truncation(10, random));
    normal.insert(AlignProp(AlignProp::Draw::kNormal).Truncation(50, random));
  }
  EXPECT_EQ(uniform, (std::set<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  // 50 - Normal(42, 5): within 4 standard deviations in all but 6e-5 of the draws.
  EXPECT_EQ(*normal.begin(), 1);
  EXPECT_LE(*normal.rbegin(), 50 - 42 + 25);
}

TEST(DrTune, TrainsKStepsUpToALateStop) {
  std::set<int> stops;
  for (int step = 0; step < 500; ++step) {
    StepRandom random(1, step, "objective");
    const EquallySpaced window = DrTune(3, 4).Window(10, random);
    int trained = 0, stop = -1;
    for (int i = 0; i < 10 && stop < 0; ++i) {
      trained += window(i, 10).gradient == GradientMode::kDetachedInput;
      if (window(i, 10).predict_and_stop) stop = i;
    }
    EXPECT_EQ(trained, 3);
    stops.insert(stop);
  }
  EXPECT_EQ(stops, (std::set<int>{6, 7, 8, 9}));
}

TEST(DrTune, FitsARunAsShortAsK) {
  for (int step = 0; step < 50; ++step) {
    StepRandom random(1, step, "objective");
    EXPECT_TRUE(DrTune(4, 4).Window(4, random)(3, 4).predict_and_stop);
  }
}

TEST(Refl, LossEndsAtTheMargin) {
  const at::Tensor rewards = at::tensor(std::vector<double>{1.0, 3.0});
  EXPECT_DOUBLE_EQ(Refl({.margin = 2, .weight = 0.5}).Loss(rewards).item<double>(), 0.25);
  EXPECT_DOUBLE_EQ(DraftK(1).Loss(rewards).item<double>(), -2.0);
}

}  // namespace
}  // namespace draftp
