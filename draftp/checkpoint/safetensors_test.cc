// Reading and writing safetensors files, against a file by the reference implementation.
#include "draftp/checkpoint/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsEqualTo;
using testing::TemporaryFolder;

constexpr char kGolden[] = "testdata/goldens/safetensors_all_dtypes.safetensors";

// What testdata/generate/safetensors_files.py wrote there.
std::map<std::string, at::Tensor> GoldenTensors() {
  std::map<std::string, at::Tensor> tensors;
  const at::Tensor ramp = (at::arange(15, at::kDouble) / 2 - 2).reshape({3, 5});
  for (const auto& [name, dtype] :
       std::map<std::string, at::ScalarType>{{"f64", at::kDouble},
                                             {"f32", at::kFloat},
                                             {"f16", at::kHalf},
                                             {"bf16", at::kBFloat16},
                                             {"f8_e4m3", at::ScalarType::Float8_e4m3fn},
                                             {"f8_e5m2", at::ScalarType::Float8_e5m2}}) {
    tensors[name] = ramp.to(dtype);
  }
  for (const auto& [name, dtype] : std::map<std::string, at::ScalarType>{
           {"i8", at::kChar}, {"i16", at::kShort}, {"i32", at::kInt}, {"i64", at::kLong}}) {
    tensors[name] = at::arange(-3, 4, dtype);
  }
  tensors["u8"] = at::arange(250, 256, at::kByte);
  tensors["u16"] = at::tensor({0, 65535}, at::kLong).to(at::ScalarType::UInt16);
  tensors["u32"] =
      at::tensor({int64_t{0}, int64_t{4294967295}}, at::kLong).to(at::ScalarType::UInt32);
  tensors["u64"] = at::tensor({0, 7}, at::kLong).to(at::ScalarType::UInt64);
  tensors["bool"] = at::tensor({1, 0, 1}, at::kLong).to(at::kBool);
  tensors["scalar"] = at::full({}, 0.25, at::kFloat);
  tensors["empty"] = at::zeros({0, 4}, at::kFloat);
  tensors["odd \"name\"\\\n\té漢\x01\x7f"] = at::ones({1, 1}, at::kFloat);
  return tensors;
}

// Same dtype, shape and bytes; ATen's comparison lacks some of the dtypes.
bool SameBytes(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         (a.nbytes() == 0 || std::memcmp(a.contiguous().const_data_ptr(),
                                         b.contiguous().const_data_ptr(), a.nbytes()) == 0);
}

// A file of one tensor "a" whose data begin `shift` bytes after a multiple of 8.
std::string FileAt(size_t shift, const std::string& dtype, const std::string& shape,
                   const std::string& data) {
  std::string json = R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape +
                     R"(,"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
  while (json.size() % 8 != shift) json += ' ';
  const uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + data;
}

TEST(SafetensorsTest, ReadsWhatTheReferenceWrote) {
  const auto file = SafetensorsFile::Open(kGolden);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::map<std::string, at::Tensor> expected = GoldenTensors();
  EXPECT_EQ((*file)->names().size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const absl::StatusOr<at::Tensor> actual = (*file)->Tensor(name);
    ASSERT_TRUE(actual.ok()) << actual.status();
    EXPECT_TRUE(SameBytes(*actual, tensor)) << name;
  }
  EXPECT_EQ((*file)->metadata().at("made with"), "safetensors 0.8.0, torch 2.11.0");
}

TEST(SafetensorsTest, WritesTheBytesThatTheReferenceWrites) {
  const TemporaryFolder folder;
  const absl::Status status = WriteSafetensors(folder / "a", GoldenTensors(),
                                               {{"made with", "safetensors 0.8.0, torch 2.11.0"}});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Contents(folder / "a"), Contents(kGolden));
}

TEST(SafetensorsTest, ViewsShareTheMappingAndOutliveTheFile) {
  at::Tensor first;
  at::Tensor second;
  {
    const auto file = *SafetensorsFile::Open(kGolden);
    first = *file->Tensor("f32");
    second = *file->Tensor("f32");
  }
  EXPECT_EQ(first.const_data_ptr(), second.const_data_ptr());
  EXPECT_THAT(first, IsEqualTo(GoldenTensors()["f32"]));
}

TEST(SafetensorsTest, WritingToAViewLeavesTheFileAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteSafetensors(folder / "a", {{"t", at::ones({4}, at::kFloat)}}).ok());
  const std::string before = Contents(folder / "a");
  const at::Tensor view = *(*SafetensorsFile::Open(folder / "a"))->Tensor("t");
  view.fill_(7);
  EXPECT_EQ(Contents(folder / "a"), before);
  EXPECT_THAT(*(*SafetensorsFile::Open(folder / "a"))->Tensor("t"),
              IsEqualTo(at::ones({4}, at::kFloat)));
}

TEST(SafetensorsTest, CopiesDataThatLieUnaligned) {
  const TemporaryFolder folder;
  const float values[] = {1.5F, -2.0F};
  const std::string data(reinterpret_cast<const char*>(values), sizeof(values));
  for (const size_t shift : {0, 1, 2, 4}) {
    const auto file = *SafetensorsFile::Open(folder.Write("a", FileAt(shift, "F32", "[2]", data)));
    const at::Tensor tensor = *file->Tensor("a");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 4, 0U);
    EXPECT_THAT(tensor, IsEqualTo(at::tensor({1.5, -2.0}, at::kFloat)));
  }
}

TEST(SafetensorsTest, RejectsBooleansThatAreNeitherTrueNorFalse) {
  const TemporaryFolder folder;
  const auto file = *SafetensorsFile::Open(folder.Write("a", FileAt(0, "BOOL", "[2]", "\x01\x02")));
  EXPECT_THAT(file->Tensor("a"), FailsWith("/a: tensor \"a\": found a BOOL above 1"));
}

TEST(SafetensorsTest, NamesFileAndTensorOfErrors) {
  const TemporaryFolder folder;
  EXPECT_THAT(SafetensorsFile::Open(folder / "none"), FailsWith("/none: can't read: No such file"));
  EXPECT_THAT(SafetensorsFile::Open(folder.path()), FailsWith("found a folder"));
  EXPECT_THAT(SafetensorsFile::Open(folder.Write("empty", "")), FailsWith("/empty: found 0 bytes"));
  EXPECT_THAT((*SafetensorsFile::Open(kGolden))->Tensor("x"), FailsWith("found no tensor \"x\""));
}

TEST(SafetensorsTest, RoundTripsStridedTensorsAndMetadata) {
  const TemporaryFolder folder;
  const at::Tensor tensor = at::randn({3, 4}).t().slice(0, 1, 4, 2);
  ASSERT_TRUE(WriteSafetensors(folder / "a", {{"t", tensor}}, {{"b", "2"}, {"a", "1"}}).ok());
  const auto file = *SafetensorsFile::Open(folder / "a");
  EXPECT_THAT(*file->Tensor("t"), IsEqualTo(tensor.contiguous()));
  EXPECT_EQ(file->metadata(), (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(file->Contains("t"));
  EXPECT_EQ(file->Entry("t")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file->Entry("x"), nullptr);
}

TEST(SafetensorsTest, RefusesToWriteWhatTheFormatLacks) {
  const TemporaryFolder folder;
  const at::Tensor one = at::ones({1});
  EXPECT_THAT(WriteSafetensors(folder / "a", {{"c", at::ones({1}, at::kComplexFloat)}}),
              FailsWith("tensor \"c\": found dtype ComplexFloat"));
  EXPECT_THAT(WriteSafetensors(folder / "a", {{"__metadata__", one}}), FailsWith("tensor name"));
  EXPECT_THAT(WriteSafetensors(folder / "a", {{"\xff", one}}), FailsWith("tensor name \"\\xff\""));
  EXPECT_THAT(WriteSafetensors(folder / "a", {{"t", one}}, {{"k", "\xff"}}),
              FailsWith("metadata \"k\" isn't UTF-8"));
  EXPECT_THAT(folder.Names(), IsEmpty());
}

TEST(SafetensorsTest, AFullDiskLeavesNothing) {
  const TemporaryFolder folder;
  for (const int64_t bytes : {0, 50, 1000}) {
    const testing::ScopedWriteFault fault(ENOSPC, bytes);
    EXPECT_THAT(WriteSafetensors(folder / "a", {{"t", at::ones({1000})}}),
                FailsWith("No space left"));
  }
  EXPECT_THAT(folder.Names(), IsEmpty());
}

TEST(SafetensorsTest, ReadsTheEmbeddedModel) {
  const auto file =
      SafetensorsFile::Open("testdata/tiny_sdxl/unet/diffusion_pytorch_model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Entry("conv_in.weight")->shape, ElementsAre(64, 4, 3, 3));
}

}  // namespace
}  // namespace draftp
