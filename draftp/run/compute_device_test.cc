#include "draftp/run/compute_device.h"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& device, const std::string& dtype = "auto") {
  return std::string(ChooseDevice(device, dtype).status().message());
}

TEST(ChooseDeviceTest, CpuComputesInFloat32UnlessAsked) {
  const auto chosen = ChooseDevice("cpu", "auto");
  ASSERT_TRUE(chosen.ok());
  EXPECT_TRUE(chosen->network.device.is_cpu());
  EXPECT_EQ(chosen->network.dtype, at::kFloat);
  EXPECT_EQ(ChooseDevice("cpu", "bfloat16")->network.dtype, at::kBFloat16);
}

TEST(ChooseDeviceTest, AutoTakesAGpuExactlyWhenThereIsOne) {
  EXPECT_EQ(ChooseDevice("auto", "auto")->is_cuda(),
            CudaDeviceCount() > 0 && OpenCudaBackend().ok());
}

TEST(ChooseDeviceTest, DecoderIsFloat32WhateverTheNetworkIs) {
  EXPECT_EQ(ChooseDevice("cpu", "bfloat16")->decoder().dtype, at::kFloat);
}

TEST(ChooseDeviceTest, AbsentGpuIsAnErrorNotTheCpu) {
  EXPECT_THAT(ErrorOf("cuda:99"), HasSubstr("--device: found \"cuda:99\", expected "));
  if (CudaDeviceCount() == 0) {
    EXPECT_THAT(ErrorOf("cuda"), HasSubstr("this machine has no CUDA device"));
  }
}

TEST(PlaceRewardTest, MovesDecoderAndRewards) {
  auto device = ChooseDevice("cpu", "bfloat16");
  ASSERT_TRUE(PlaceReward("", *device).ok());
  EXPECT_FALSE(device->placed());
  ASSERT_TRUE(PlaceReward("cpu", *device).ok());
  EXPECT_FALSE(device->placed());  // where the network is
  device->reward_device = at::Device(at::kCUDA, 1);
  EXPECT_TRUE(device->placed());
  EXPECT_EQ(device->decoder().device, at::Device(at::kCUDA, 1));
  EXPECT_EQ(device->network.device, at::kCPU);
}

TEST(PlaceRewardTest, NamesWhatThereIs) {
  auto device = ChooseDevice("cpu", "auto");
  for (const char* word : {"cuda", "cuda:1", "gpu", "auto"}) {
    EXPECT_THAT(std::string(PlaceReward(word, *device).message()),
                HasSubstr("--reward_device: found \"" + std::string(word) + "\", expected cpu"));
  }
}

TEST(ChooseDecoderProductsTest, OnACpuThereIsNothingToChoose) {
  auto device = ChooseDevice("cpu", "bfloat16");
  for (const char* named : {"auto", "float16", "tf32", "float32"}) {
    ASSERT_TRUE(ChooseDecoderProducts(named, *device).ok());
    EXPECT_EQ(device->decoder_products, DecoderProducts::kFloat32);
  }
}

// No GPU is touched.
TEST(ChooseDecoderProductsTest, OfAGpuTheyGoByTheNetworks) {
  const auto chosen = [](const char* named, at::ScalarType networks) {
    ComputeDevice device{.network = {at::Device(at::kCUDA, 0), networks}, .name = "", .notice = ""};
    EXPECT_TRUE(ChooseDecoderProducts(named, device).ok()) << named;
    EXPECT_EQ(at::globalContext().allowTF32CuDNN(),
              device.decoder_products != DecoderProducts::kFloat32);
    return device.decoder_products;
  };
  EXPECT_EQ(chosen("auto", at::kBFloat16), DecoderProducts::kFloat16);
  EXPECT_EQ(chosen("float16", at::kBFloat16), DecoderProducts::kFloat16);
  EXPECT_EQ(chosen("tf32", at::kBFloat16), DecoderProducts::kTf32);
  EXPECT_EQ(chosen("float32", at::kBFloat16), DecoderProducts::kFloat32);
  EXPECT_EQ(chosen("auto", at::kFloat), DecoderProducts::kFloat32);
  EXPECT_EQ(chosen("float32", at::kFloat), DecoderProducts::kFloat32);
  for (const char* named : {"float16", "tf32"}) {
    ComputeDevice device{
        .network = {at::Device(at::kCUDA, 0), at::kFloat}, .name = "", .notice = ""};
    EXPECT_EQ(ChooseDecoderProducts(named, device).message(),
              "--decoder: found \"" + std::string(named) +
                  "\", expected auto or float32, since the networks are in float32 (--dtype)");
  }
}

TEST(ChooseDeviceTest, OtherWordsAreErrorsThatListTheValidOnes) {
  for (const char* device :
       {"", "gpu", "cuda:", "cuda:-1", "cuda:01", "cuda: 1", "cuda:x", "cuda:99999999999", "CPU"}) {
    EXPECT_THAT(ErrorOf(device), HasSubstr("expected auto, cpu, cuda or cuda:INDEX")) << device;
  }
  EXPECT_EQ(ErrorOf("cpu", "float16"),
            "--dtype: found \"float16\", expected auto, float32 or bfloat16");
}

}  // namespace
}  // namespace draftp
