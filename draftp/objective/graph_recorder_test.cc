// When a computation is recorded anew, on a stand-in for a device's graphs.
#include "draftp/objective/graph_recorder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsEqualTo;

// A graph that writes what its body computes where the body wrote first, as a device's does.
class FakeGraph : public CapturedGraph {
 public:
  explicit FakeGraph(std::function<void()> body) : body_(std::move(body)) {}
  void Replay() override { body_(); }

 private:
  std::function<void()> body_;
};

struct Recordings {
  int count = 0;
  std::vector<at::Tensor> inputs;  // where the last one reads
  at::Tensor output;               // where it writes
};

// 2 input[0] + fixed.
class Doubling {
 public:
  at::Tensor Run(const at::Tensor& input, double fixed) {
    return recorder_.Run({input}, {fixed}, [&](const std::vector<at::Tensor>& in) {
      recordings_.inputs = in;
      recordings_.output = in[0] * 2 + fixed;
      replay_ = [in, out = recordings_.output, fixed] {
        at::Tensor place = out;
        place.copy_(in[0] * 2 + fixed);
      };
      return recordings_.output;
    });
  }
  int recorded() const { return recordings_.count; }

 private:
  Recordings recordings_;
  std::function<void()> replay_;
  GraphRecorder<at::Tensor> recorder_{[this](const std::function<void()>& body) {
    ++recordings_.count;
    body();
    return std::make_unique<FakeGraph>(replay_);
  }};
};

at::Tensor Two(double value) { return at::full({2}, value, at::kDouble); }

TEST(GraphRecorder, ReplaysWithNewInputs) {
  Doubling doubling;
  for (const double value : {1.0, 2.0, 5.0})
    EXPECT_THAT(doubling.Run(Two(value), 0.5), IsEqualTo(Two(2 * value + 0.5)));
  EXPECT_EQ(doubling.recorded(), 1);
}

TEST(GraphRecorder, LeavesTheCallersTensorsAlone) {
  Doubling doubling;
  const at::Tensor first = Two(1);
  doubling.Run(first, 0);
  doubling.Run(Two(7), 0);
  EXPECT_THAT(first, IsEqualTo(Two(1)));
}

TEST(GraphRecorder, RecordsAnewForOtherNumbersAndShapes) {
  Doubling doubling;
  doubling.Run(Two(1), 0);
  EXPECT_THAT(doubling.Run(Two(1), 3), IsEqualTo(Two(5)));
  EXPECT_EQ(doubling.recorded(), 2);
  EXPECT_THAT(doubling.Run(at::full({3}, 1.0, at::kDouble), 3),
              IsEqualTo(at::full({3}, 5.0, at::kDouble)));
  EXPECT_EQ(doubling.recorded(), 3);
}

}  // namespace
}  // namespace draftp
