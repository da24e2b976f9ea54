#include "draftp/convert/convert.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/convert/test_convert.h"
#include "draftp/io/json_file.h"
#include "draftp/io/read_file.h"
#include "draftp/io/test_files.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

using testing::FailsWith;
using testing::TemporaryFolder;

const std::string kTiny = "testdata/tiny_sdxl";
constexpr int64_t kMostText = 1 << 24;

absl::Status Convert(const std::vector<std::string>& arguments) {
  return testing::RunConvertWith(arguments);
}

void ExpectSameModel(const std::string& got, const std::string& expected,
                     at::ScalarType dtype = at::kHalf) {
  auto one = ModelSource::Open(got), other = ModelSource::Open(expected);
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(one->TokenizerTexts(true)->at("vocab.json"),
            other->TokenizerTexts(true)->at("vocab.json"));
  EXPECT_EQ(one->SchedulerJson()->object(), other->SchedulerJson()->object());
  EXPECT_EQ(one->Pipeline()->force_zeros_for_empty_prompt,
            other->Pipeline()->force_zeros_for_empty_prompt);
  for (const ModelPart part :
       {ModelPart::kUNet, ModelPart::kVae, ModelPart::kTextEncoder, ModelPart::kTextEncoder2}) {
    auto a = one->Take(part), b = other->Take(part);
    ASSERT_TRUE(a.ok()) << a.status();
    EXPECT_EQ(a->config.object(), b->config.object());
    const auto tensors = testing::TensorsOf(std::move(a->weights)),
               wanted = testing::TensorsOf(std::move(b->weights));
    ASSERT_EQ(tensors.size(), wanted.size());
    for (const auto& [name, tensor] : wanted) {
      EXPECT_EQ(tensors.at(name).scalar_type(), dtype) << name;
      EXPECT_TRUE(tensors.at(name).equal(tensor.to(dtype))) << name;
    }
  }
}

// Of tensors that stand in a mapped file, about `kept` bytes stay in memory.
TEST(ConvertTest, PagesOfTensorsThatHaveBeenMadeGoBack) {
  constexpr int64_t kTensors = 32, kBytes = 1 << 20;
  const TemporaryFolder folder;
  std::map<std::string, at::Tensor> tensors;
  for (int i = 0; i < kTensors; ++i)
    tensors["t" + std::to_string(i)] = at::full({kBytes / 4}, 1.0 + i, at::kFloat);
  ASSERT_TRUE(WriteSafetensors(folder / "f.safetensors", tensors).ok());
  const auto pages_after = [&](int64_t kept) {
    auto weights = std::make_shared<WeightMap>(*WeightMap::Open(folder / "f.safetensors", ""));
    for (const auto& [name, tensor] : ReturningPages(*AsStored(weights, std::nullopt), kept))
      EXPECT_TRUE(tensor.make()->equal(tensors.at(name))) << name;
    int64_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * sysconf(_SC_PAGESIZE);
  };
  const int64_t all = pages_after(int64_t{1} << 40);
  EXPECT_LT(pages_after(2 * kBytes), all - kTensors * kBytes * 3 / 4);
}

TEST(ConvertTest, ThereAndBackAgainIsTheSameModel) {
  const TemporaryFolder folder;
  const std::string file = folder / "tiny.safetensors", again = folder / "again";
  ASSERT_TRUE(Convert({"--in", kTiny, "--out", file}).ok());
  ExpectSameModel(file, kTiny);
  ASSERT_TRUE(Convert({"--in", file, "--out", again}).ok());
  ExpectSameModel(again, kTiny);
  const std::string twice = folder / "twice.safetensors";
  ASSERT_TRUE(Convert({"--in", again, "--out", twice}).ok());
  const auto first = SafetensorsFile::Open(file), second = SafetensorsFile::Open(twice);
  ASSERT_EQ((*first)->names(), (*second)->names());
  for (const std::string& name : (*first)->names())
    EXPECT_TRUE((*first)->Tensor(name)->equal(*(*second)->Tensor(name))) << name;
}

TEST(ConvertTest, TheUnconditionalEmbeddingStaysAsItIs) {
  const TemporaryFolder folder;
  std::filesystem::copy(kTiny, folder / "tiny", std::filesystem::copy_options::recursive);
  auto index = *ReadJsonFile(kTiny + "/model_index.json");
  index["force_zeros_for_empty_prompt"] = false;
  std::filesystem::remove(folder / "tiny/model_index.json");
  folder.Write("tiny/model_index.json", index.dump());
  ASSERT_TRUE(Convert({"--in", folder / "tiny", "--out", folder / "f.safetensors"}).ok());
  ExpectSameModel(folder / "f.safetensors", folder / "tiny");
  ASSERT_TRUE(Convert({"--in", folder / "f.safetensors", "--out", folder / "again"}).ok());
  ExpectSameModel(folder / "again", folder / "tiny");
}

TEST(ConvertTest, OtherDtypesAreRoundedOnce) {
  const TemporaryFolder folder;
  ASSERT_TRUE(
      Convert({"--in", kTiny, "--out", folder / "f.safetensors", "--dtype", "float32"}).ok());
  ExpectSameModel(folder / "f.safetensors", kTiny, at::kFloat);
  ASSERT_TRUE(Convert({"--in", kTiny, "--out", folder / "bf16", "--dtype", "bf16"}).ok());
  ExpectSameModel(folder / "bf16", kTiny, at::kBFloat16);
}

TEST(ConvertTest, MetadataSayNoMoreThanIsTrue) {
  const TemporaryFolder folder;
  const std::string path = folder / "tiny.safetensors";
  ASSERT_TRUE(Convert({"--in", kTiny, "--out", path}).ok());
  const auto file = SafetensorsFile::Open(path);
  const auto& metadata = (*file)->metadata();
  EXPECT_EQ(metadata.at("modelspec.title"), "tiny");
  EXPECT_EQ(metadata.at("modelspec.prediction_type"), "epsilon");
  EXPECT_FALSE(metadata.contains("modelspec.architecture"));  // it isn't SDXL base's
  EXPECT_FALSE((*file)->Contains("v_pred"));
}

TEST(ConvertTest, NothingThatIsThereIsReplaced) {
  const TemporaryFolder folder;
  folder.Write("mine.safetensors", "precious");
  EXPECT_THAT(Convert({"--in", kTiny, "--out", folder / "mine.safetensors"}),
              FailsWith("mine.safetensors, which is there, expected a new name"));
  EXPECT_EQ(*ReadFile(folder / "mine.safetensors", kMostText), "precious");
}

TEST(ConvertTest, AFailureLeavesNothing) {
  const TemporaryFolder folder;
  folder.Write("bad.safetensors", "12345678");
  for (const std::string out : {"out", "out.safetensors"}) {
    EXPECT_FALSE(
        Convert({"--in", kTiny, "--vae", folder / "bad.safetensors", "--out", folder / out}).ok());
    EXPECT_FALSE(std::filesystem::exists(folder / out));
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(ConvertTest, FlagsThatAreMissing) {
  EXPECT_THAT(Convert({"--out", "x"}), FailsWith("--in: found none"));
  EXPECT_THAT(Convert({"--in", kTiny}), FailsWith("--out: found none"));
}

}  // namespace
}  // namespace draftp
