#include "draftp/checkpoint/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/test_torch_files.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using testing::FailsWith;
using testing::PDict;
using testing::PStorage;
using testing::PTensor;
using testing::TorchZip;

constexpr char kTorchFiles[] = "testdata/goldens/torch_files/";

std::shared_ptr<const TorchFile> OpenGolden(const std::string& name) {
  const auto file = TorchFile::Open(kTorchFiles + name);
  EXPECT_TRUE(file.ok()) << file.status();
  return *file;
}

at::Tensor TensorOf(const TensorFile& file, const std::string& name) {
  const absl::StatusOr<at::Tensor> tensor = file.Tensor(name);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return *tensor;
}

class TorchGoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchGoldenTest, HoldsWhatWasSaved) {
  const auto file = OpenGolden(GetParam());
  const auto expected = SafetensorsFile::Open(std::string(kTorchFiles) + "expected.safetensors");
  ASSERT_TRUE(expected.ok()) << expected.status();
  const bool old = std::string(GetParam()).find("legacy") != std::string::npos;
  size_t compared = 0;
  for (const std::string& name : (*expected)->names()) {
    // PyTorch doesn't read these back from the old format.
    if (old && (name.starts_with("f8_") || name == "u16")) continue;
    const at::Tensor found = TensorOf(*file, name), wanted = TensorOf(**expected, name);
    EXPECT_EQ(found.scalar_type(), wanted.scalar_type()) << name;
    EXPECT_EQ(*file->Shape(name), wanted.sizes().vec()) << name;
    EXPECT_TRUE(found.to(at::kDouble).equal(wanted.to(at::kDouble))) << name;
    ++compared;
  }
  EXPECT_EQ(file->names().size(), compared);
}

INSTANTIATE_TEST_SUITE_P(Files, TorchGoldenTest,
                         ::testing::Values("state_dict.pt", "state_dict_legacy.pt", "protocol_4.pt",
                                           "deflated.pt", "lightning.ckpt",
                                           "lightning_legacy.ckpt"));

TEST(TorchFileTest, TensorsOfOneStorageShareIt) {
  for (const std::string name : {"state_dict.pt", "deflated.pt"}) {
    const auto file = OpenGolden(name);
    const at::Tensor whole = TensorOf(*file, "shared.whole");
    const at::Tensor transposed = TensorOf(*file, "shared.transposed");
    const at::Tensor rows = TensorOf(*file, "shared.rows");
    EXPECT_EQ(whole.data_ptr(), transposed.data_ptr()) << name;
    EXPECT_EQ(whole.const_data_ptr<float>() + 6, rows.const_data_ptr<float>()) << name;
    EXPECT_EQ(transposed.strides().vec(), (std::vector<int64_t>{1, 6})) << name;
    EXPECT_EQ(TensorOf(*file, "shared.stepped").strides().vec(), (std::vector<int64_t>{12, 2}));
  }
}

TEST(TorchFileTest, StoredTensorsAreViewsOfTheFile) {
  auto file = OpenGolden("state_dict.pt");
  const at::Tensor first = TensorOf(*file, "half");
  EXPECT_EQ(first.data_ptr(), TensorOf(*file, "half").data_ptr());
  first.fill_(7);  // this process's view only
  EXPECT_EQ(TensorOf(*OpenGolden("state_dict.pt"), "half")[0][0].item<float>(), -2.0F);
  file.reset();
  EXPECT_EQ(first[0][0].item<float>(), 7.0F) << "the mapping lives as long as its views";
}

TEST(TorchFileTest, DataThatAreNotAlignedAreCopied) {
  const testing::TemporaryFolder folder;
  // Names of several lengths, so that one of the storages can't be aligned.
  for (const std::string key : {"0", "00", "000", "0000"}) {
    const std::string path = folder.Write(
        "m.pt", TorchZip(PDict({{"w", PTensor(PStorage("FloatStorage", key, 4), 1, {2}, {2})}}),
                         {{key, std::string("\0\0\0\0\0\0\x80?\0\0\0\0\0\0\0@", 16)}}));
    const auto file = TorchFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    const at::Tensor w = TensorOf(**file, "w");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(w.data_ptr()) % 4, 0u);
    EXPECT_EQ(w[0].item<float>(), 1.0F);
    EXPECT_EQ(w[1].item<float>(), 2.0F);
  }
}

TEST(TorchFileTest, OtherThingsAreNamed) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.Write(
      "m.pt", TorchZip(PDict({{"b", PTensor(PStorage("BoolStorage", "0", 2), 0, {2}, {1})},
                              {"x", testing::PCall(testing::PGlobal("os", "system"), {})}}),
                       {{"0", "\x01\x02"}}));
  const auto file = TorchFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Tensor("b"),
              FailsWith("m.pt: tensor \"b\": found a BOOL above 1, expected 0 or 1"));
  EXPECT_THAT((*file)->Tensor("x"),
              FailsWith("m.pt: found os.system under \"x\", expected a tensor"));
  EXPECT_THAT((*file)->Tensor("y"), FailsWith("m.pt: found no tensor \"y\""));
}

absl::Status ReadAllTensors(const std::string& path) {
  const auto file = TorchFile::Open(path);
  if (!file.ok()) return file.status();
  for (const std::string& name : (*file)->names()) {
    const absl::StatusOr<at::Tensor> tensor = (*file)->Tensor(name);
    if (!tensor.ok()) return tensor.status();
    tensor->contiguous().to(at::kDouble).sum();
  }
  return absl::OkStatus();
}

TEST(TorchFileTest, SurvivesDamage) {
  for (const std::string name : {"state_dict.pt", "deflated.pt", "lightning_legacy.ckpt"}) {
    const testing::DamageTally tally = testing::ExpectCopySurvivesDamage(
        kTorchFiles + name, {.truncations = 200, .flips = 1500}, ReadAllTensors);
    EXPECT_EQ(tally.legal_truncated, 0u) << name;
    EXPECT_GT(tally.errors, 300u) << name;
  }
}

TEST(TensorFileTest, FormatsAreKnownByTheirFirstBytes) {
  const testing::TemporaryFolder folder;
  const auto copy = [&](const std::string& from, const std::string& to) {
    return OpenTensorFile(folder.Write(to, testing::Contents(kTorchFiles + from)));
  };
  for (const std::string name : {"m.bin", "m.pt", "m.safetensors", "m"}) {
    EXPECT_TRUE(copy("state_dict.pt", name).ok()) << name;
    EXPECT_TRUE(copy("state_dict_legacy.pt", name).ok()) << name;
    EXPECT_TRUE(copy("expected.safetensors", name).ok()) << name;
  }
  EXPECT_THAT(OpenTensorFile(folder.Write("x.pth", "hello")), FailsWith("found neither a zip"));
  EXPECT_THAT(OpenTensorFile(folder.Write("x", "hello")), FailsWith("expected a safetensors file"));
  EXPECT_THAT(OpenTensorFile(folder.Write("x.bin", "version https://git-lfs.github.com/spec/v1\n")),
              FailsWith("found a Git LFS pointer"));
}

}  // namespace
}  // namespace draftp
