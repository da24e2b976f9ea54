// What only a GPU can show: kernels against their CPU references, capture and replay.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <thread>
#include <vector>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/kernels/elementwise.h"
#include "draftp/kernels/group_norm.h"
#include "draftp/kernels/rgb8.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;

class KernelsGpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto backend = OpenCudaBackend();
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = *backend;
  }
  const CudaBackend* backend_ = nullptr;
};

TEST_F(KernelsGpuTest, Rgb8EqualsItsReferenceOverShapesAndFormats) {
  for (const auto& size :
       std::vector<std::vector<int64_t>>{{1, 3, 1, 1}, {2, 3, 17, 33}, {4, 3, 128, 128}}) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const at::Tensor decoded = (at::rand(size) * 3 - 1.5).contiguous(format);
      EXPECT_THAT(Rgb8(decoded.to(at::kCUDA)).cpu(), IsEqualTo(Rgb8Reference(decoded)));
    }
  }
}

TEST_F(KernelsGpuTest, ReplayReadsItsInputsAnew) {
  const at::Tensor a = at::randn({64, 64}).to(at::kCUDA);
  const at::Tensor out = at::zeros({64, 64}, a.options());
  const auto graph = backend_->Capture([&] { out.copy_(at::matmul(a, a)); });
  const at::Tensor fresh = at::randn({64, 64});
  a.copy_(fresh);
  graph->Replay();
  EXPECT_THAT(out.cpu(), IsCloseTo(at::matmul(fresh, fresh), 1e-3));
}

TEST_F(KernelsGpuTest, KernelsAreRecordedWithTheRest) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({2, 64, 16, 16}).to(at::kCUDA), w = at::randn({64}).to(at::kCUDA);
  const at::Tensor out = at::zeros({2, 64, 16, 16}, x.options());
  const auto graph =
      backend_->Capture([&] { out.copy_(kernels::GroupNorm(x, w, w, 32, 1e-5, true)); });
  const at::Tensor fresh = at::randn({2, 64, 16, 16}).to(at::kCUDA);
  x.copy_(fresh);
  graph->Replay();
  EXPECT_THAT(out.cpu(), IsEqualTo(kernels::GroupNorm(fresh, w, w, 32, 1e-5, true).cpu()));
}

TEST_F(KernelsGpuTest, SeveralThreadsLaunchAtOnce) {
  constexpr int kThreads = 4;
  std::vector<at::Tensor> inputs, found(kThreads);
  for (int i = 0; i < kThreads; ++i) inputs.push_back(at::randn({33, 128}));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { found[i] = kernels::GatedGelu(inputs[i].to(at::kCUDA)).cpu(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i)
    EXPECT_THAT(found[i], IsCloseTo(kernels::GatedGelu(inputs[i]), 1e-6));
}

}  // namespace
}  // namespace draftp
