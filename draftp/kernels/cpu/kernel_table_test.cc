// Every instruction set's kernels against the formulas in float64, over sizes that leave no tile,
// panel or vector whole.
#include "draftp/kernels/cpu/kernel_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "draftp/kernels/cpu/supported_kernels.h"

namespace draftp::cpu {
namespace {

std::vector<float> Normal(int64_t count, uint32_t seed, float mean = 0) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, 1);
  std::vector<float> values(count);
  for (float& value : values) value = normal(engine);
  return values;
}

class KernelTableTest : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& kernels_ = *GetParam();
};

INSTANTIATE_TEST_SUITE_P(All, KernelTableTest, ::testing::ValuesIn(SupportedKernels()),
                         [](const auto& info) { return std::string(info.param->name); });

// Rows 1..31 cover every tile height of every set; overlapping rows and two taps stand for a
// convolution.
TEST_P(KernelTableTest, ProductAddsUpTapsBiasAndResidual) {
  const int64_t depth = 13, width = kernels_.panel_columns;
  const std::vector<int64_t> taps{0, 40};
  const auto input = Normal(400, 1), panel = Normal(2 * depth * width, 2), bias = Normal(width, 3);
  for (int64_t rows = 1; rows <= 31; ++rows) {
    for (const int64_t columns : {width, width - 1, int64_t{3}}) {
      std::vector<int64_t> from(rows), to(rows);
      for (int64_t i = 0; i < rows; ++i) from[i] = 7 * i, to[i] = (rows - 1 - i) * width;
      const auto residual = Normal(rows * width, 4);
      std::vector<float> output(rows * width, -1e9f);
      kernels_.product({input.data(), from.data(), taps.data(), rows, 2, depth, panel.data(), width,
                        output.data(), residual.data(), to.data(), bias.data(), columns, 0.5f});
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t n = 0; n < columns; ++n) {
          double sum = 0;
          for (int64_t k = 0; k < 2 * depth; ++k)
            sum += double{input[from[i] + taps[k / depth] + k % depth]} * panel[k * width + n];
          ASSERT_NEAR(output[to[i] + n], 0.5 * sum + bias[n] + residual[to[i] + n], 1e-5);
        }
        for (int64_t n = columns; n < width; ++n) ASSERT_EQ(output[to[i] + n], -1e9f);
      }
    }
  }
}

TEST_P(KernelTableTest, ProductWithoutBiasAndResidual) {
  const int64_t width = kernels_.panel_columns, zero = 0;
  const auto panel = Normal(width, 1);
  const float two = 2;
  std::vector<float> output(width);
  kernels_.product({&two, &zero, &zero, 1, 1, 1, panel.data(), width, output.data(), nullptr, &zero,
                    nullptr, width, 1.0f});
  for (int64_t n = 0; n < width; ++n) EXPECT_EQ(output[n], 2 * panel[n]);
}

TEST_P(KernelTableTest, ChannelSumsKeepTheirDigitsFarFromZero) {
  for (const int64_t channels : {3, 16, 37}) {
    const int64_t pixels = 150;
    const auto x = Normal(pixels * channels, 5, 1000);
    std::vector<double> sums(2 * channels, 1.0);
    kernels_.channel_sums(x.data(), pixels, channels, x.data(), sums.data());
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 1, squares = 1;
      for (int64_t i = 0; i < pixels; ++i) {
        const double distance = double{x[i * channels + c]} - x[c];
        sum += distance;
        squares += distance * distance;
      }
      EXPECT_NEAR(sums[c], sum, 1e-3);
      EXPECT_NEAR(sums[channels + c] / squares, 1, 1e-5);
    }
  }
}

double Silu(double x) { return x / (1 + std::exp(-x)); }
double Gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

TEST_P(KernelTableTest, ScaleShiftWithAndWithoutSilu) {
  for (const int64_t channels : {1, 16, 21}) {
    const auto x = Normal(5 * channels, 6), scale = Normal(channels, 7),
               shift = Normal(channels, 8);
    std::vector<float> plain(x.size()), silu(x.size());
    kernels_.scale_shift(x.data(), 5, channels, scale.data(), shift.data(), false, plain.data());
    kernels_.scale_shift(x.data(), 5, channels, scale.data(), shift.data(), true, silu.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const double y = double{x[i]} * scale[i % channels] + shift[i % channels];
      ASSERT_NEAR(plain[i], y, 1e-6);
      ASSERT_NEAR(silu[i], Silu(y), 1e-6);
    }
  }
}

// SiLU over everything a float32 can hold: to a few units in the last place, or both nearly zero.
TEST_P(KernelTableTest, SiluHoldsOverTheWholeRange) {
  std::vector<float> x;
  for (float value = 1e-30f; value < 1e30f; value *= 1.01f) x.insert(x.end(), {value, -value});
  const std::vector<float> one(x.size(), 1), zero(x.size(), 0);
  std::vector<float> y(x.size());
  kernels_.scale_shift(x.data(), 1, int64_t(x.size()), one.data(), zero.data(), true, y.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = Silu(x[i]);
    ASSERT_NEAR(y[i], expected, 4e-7 * std::abs(expected) + 1e-7) << "silu of " << x[i];
  }
}

TEST_P(KernelTableTest, GatedGeluFollowsErf) {
  for (const int64_t width : {1, 16, 1003}) {
    auto x = Normal(2 * 2 * width, 9);
    for (int64_t i = 0; i < width; ++i) x[width + i] *= 1 + 5.0f * i / width;  // gates to beyond 10
    std::vector<float> y(2 * width);
    kernels_.gated_gelu(x.data(), 2, width, y.data());
    for (int64_t i = 0; i < 2 * width; ++i) {
      const float* row = x.data() + i / width * 2 * width;
      const double gate = row[width + i % width], value = row[i % width];
      ASSERT_NEAR(y[i], value * Gelu(gate), 4e-7 * std::abs(value) * (1 + std::abs(gate)));
    }
  }
}

TEST_P(KernelTableTest, LayerNormFarFromZero) {
  for (const int64_t channels : {5, 64, 77}) {
    const auto x = Normal(3 * channels, 10, 50), w = Normal(channels, 11), b = Normal(channels, 12);
    std::vector<float> y(x.size());
    kernels_.layer_norm(x.data(), 3, channels, 1e-5f, w.data(), b.data(), y.data());
    for (int64_t i = 0; i < 3; ++i) {
      const float* row = x.data() + i * channels;
      double mean = 0, variance = 0;
      for (int64_t c = 0; c < channels; ++c) mean += row[c] / double(channels);
      for (int64_t c = 0; c < channels; ++c)
        variance += (row[c] - mean) * (row[c] - mean) / double(channels);
      for (int64_t c = 0; c < channels; ++c) {
        const double expected = (row[c] - mean) / std::sqrt(variance + 1e-5) * w[c] + b[c];
        ASSERT_NEAR(y[i * channels + c], expected, 3e-5);
      }
    }
  }
}

struct AttentionCase {
  int64_t queries, keys, depth, first_query;
  bool causal;
};

std::vector<double> SoftmaxWeights(const AttentionHead& head, int64_t query) {
  const int64_t seen = head.causal ? head.first_query + query + 1 : head.keys;
  std::vector<double> weights(std::min(seen, head.keys));
  double sum = 0;
  for (size_t s = 0; s < weights.size(); ++s) {
    double score = 0;
    for (int64_t d = 0; d < head.depth; ++d)
      score += double{head.q[query * head.q_stride + d]} * head.k[s * head.k_stride + d];
    sum += weights[s] = std::exp(head.scale * score);
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

TEST_P(KernelTableTest, AttentionIsASoftmaxOverWhatAQuerySees) {
  for (const AttentionCase c :
       {AttentionCase{1, 1, 1, 0, false}, AttentionCase{130, 77, 20, 0, false},
        AttentionCase{16, 16, 32, 0, true}, AttentionCase{5, 40, 9, 30, true}}) {
    const int64_t stride = 2 * c.depth + 1;
    const auto q = Normal(c.queries * stride, 13), k = Normal(c.keys * stride, 14);
    const auto v = Normal(c.keys * stride, 15);
    std::vector<float> output(c.queries * stride),
        scratch(kernels_.attention_scratch(c.keys, c.depth));
    const AttentionHead head{q.data(), k.data(), v.data(), output.data(), stride,
                             stride,   stride,   stride,   c.queries,     c.keys,
                             c.depth,  0.4f,     c.causal, c.first_query, scratch.data()};
    kernels_.attention(head);
    for (int64_t t = 0; t < c.queries; ++t) {
      const std::vector<double> weights = SoftmaxWeights(head, t);
      for (int64_t d = 0; d < c.depth; ++d) {
        double expected = 0;
        for (size_t s = 0; s < weights.size(); ++s) expected += weights[s] * v[s * stride + d];
        ASSERT_NEAR(output[t * stride + d], expected, 2e-6);
      }
      EXPECT_EQ(output[t * stride + c.depth], 0) << "beyond the head";
    }
  }
}

// Scores beyond what e^x can hold, and a NaN, which must not be hidden.
TEST_P(KernelTableTest, AttentionKeepsLargeScoresFiniteAndShowsNan) {
  std::vector<float> q{100, NAN}, k{100, -100, 99}, v{1, 2, 3}, y(2);
  std::vector<float> scratch(kernels_.attention_scratch(3, 1));
  kernels_.attention({q.data(), k.data(), v.data(), y.data(), 1, 1, 1, 1, 2, 3, 1, 1.0f, false, 0,
                      scratch.data()});
  EXPECT_FLOAT_EQ(y[0], 1);
  EXPECT_TRUE(std::isnan(y[1]));
}

}  // namespace
}  // namespace draftp::cpu
