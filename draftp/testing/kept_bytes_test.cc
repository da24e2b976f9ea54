#include "draftp/testing/kept_bytes.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

namespace draftp::testing {
namespace {

TEST(KeptBytesTest, CountsWhatLivesAndTheMostThatDid) {
  const KeptBytes bytes;
  at::Tensor kept = at::empty({256});
  {
    const at::Tensor passing = at::empty({1024});
    EXPECT_GE(bytes(), 5 * 1024);
  }
  EXPECT_GE(bytes(), 1024);
  EXPECT_LT(bytes(), 2 * 1024);
  EXPECT_GE(bytes.Peak(), 5 * 1024);
  kept.reset();
  EXPECT_EQ(bytes(), 0);
}

}  // namespace
}  // namespace draftp::testing
