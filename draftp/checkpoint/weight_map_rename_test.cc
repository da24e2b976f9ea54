// Weights under other names: views of the file's tensors, missed and mis-shaped by the file's
// names.
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::IsEqualTo;

using NamedTensors = std::map<std::string, at::Tensor>;

at::Tensor Counted(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return at::arange(count, at::kFloat).reshape(shape);
}

const std::vector<Renaming>& Attention() {
  static const std::vector<Renaming> renamings = {{"in_proj", "q", {.part = 0, .parts = 3}},
                                                  {"in_proj", "k", {.part = 1, .parts = 3}},
                                                  {"in_proj", "v", {.part = 2, .parts = 3}},
                                                  {"proj", "out", {.transposed = true}},
                                                  {"conv", "dense", {.flat = true}},
                                                  {"plain", "renamed"},
                                                  {"buffer", ""}};
  return renamings;
}

NamedTensors AttentionTensors() {
  return {{"in_proj", Counted({6, 4})}, {"proj", Counted({4, 5})}, {"conv", Counted({3, 2, 1, 1})},
          {"plain", Counted({2})},      {"buffer", Counted({1})},  {"own", Counted({3})}};
}

WeightMap Renamed(NamedTensors tensors, const std::vector<Renaming>& renamings = Attention()) {
  return *WeightMap::FromTensors(std::move(tensors), "w.safetensors").Rename(renamings);
}

TEST(WeightMapRenameTest, GivesTheSameStorage) {
  const NamedTensors tensors = AttentionTensors();
  WeightMap weights = Renamed(tensors);
  const std::pair<std::string, std::string> pairs[] = {
      {"q", "in_proj"}, {"v", "in_proj"}, {"out", "proj"}, {"dense", "conv"}, {"renamed", "plain"}};
  for (const auto& [to, from] : pairs) {
    const at::Tensor taken = *weights.Take(to, *weights.Shape(to));
    EXPECT_TRUE(taken.is_alias_of(tensors.at(from))) << to;
  }
}

TEST(WeightMapRenameTest, AMappedFileStaysMapped) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "w.safetensors";
  ASSERT_TRUE(WriteSafetensors(path, AttentionTensors()).ok());
  WeightMap weights = *std::move(*WeightMap::Open(path, "")).Rename(Attention());
  const at::Tensor q = *weights.Take("q", {2, 4}), k = *weights.Take("k", {2, 4});
  EXPECT_EQ(k.const_data_ptr<float>(), q.const_data_ptr<float>() + 8);  // behind it in the mapping
}

TEST(WeightMapRenameTest, ViewsHaveTheirValues) {
  const NamedTensors tensors = AttentionTensors();
  WeightMap weights = Renamed(tensors);
  EXPECT_THAT(*weights.Take("k", {2, 4}), IsEqualTo(tensors.at("in_proj").narrow(0, 2, 2)));
  EXPECT_THAT(*weights.Take("out", {5, 4}), IsEqualTo(tensors.at("proj").t()));
  EXPECT_THAT(*weights.Take("dense", {3, 2}), IsEqualTo(tensors.at("conv").reshape({3, 2})));
}

TEST(WeightMapRenameTest, NamesAreTheNewOnesAndWhatNoRenamingNames) {
  WeightMap weights = Renamed(AttentionTensors());
  EXPECT_THAT(weights.names(), ElementsAre("dense", "k", "out", "own", "q", "renamed", "v"));
  EXPECT_EQ(weights.NameInFile("k"), "in_proj");
  EXPECT_TRUE(weights.Take("q", {2, 4}).ok());
  EXPECT_THAT(weights.Unused(), ElementsAre("dense", "k", "out", "own", "renamed", "v"));
  EXPECT_THAT(weights.sources(), ElementsAre("w.safetensors"));
}

TEST(WeightMapRenameTest, ErrorsNameTheTensorAndTheShapeAsTheFileHasThem) {
  NamedTensors tensors = AttentionTensors();
  tensors["in_proj"] = Counted({7, 4});
  tensors["conv"] = Counted({3, 2, 3, 3});
  tensors.erase("plain");
  WeightMap weights = Renamed(tensors);
  EXPECT_THAT(weights.Take("k", {2, 4}),
              FailsWith("w.safetensors: tensor \"in_proj\": found shape [7, 4], expected [6, 4]"));
  EXPECT_THAT(weights.Shape("k"), FailsWith("found shape [7, 4], expected a multiple of 3 rows"));
  EXPECT_THAT(weights.Take("out", {9, 4}),
              FailsWith("\"proj\": found shape [4, 5], expected [4, 9]"));
  EXPECT_THAT(weights.Take("dense", {3, 2}),
              FailsWith("\"conv\": found shape [3, 2, 3, 3], expected [3, 2, 1, 1]"));
  EXPECT_THAT(weights.Take("renamed", {2}), FailsWith("tensor \"plain\": found no such tensor"));
  EXPECT_THAT(weights.Shape("renamed"), FailsWith("tensor \"plain\": found no such tensor"));
  EXPECT_FALSE(weights.Contains("renamed"));
}

TEST(WeightMapRenameTest, TwoTensorsOfOneNameAreAnError) {
  const auto rename = [](const std::vector<Renaming>& renamings) {
    return WeightMap::FromTensors({{"a", Counted({1})}, {"b", Counted({1})}}, "w")
        .Rename(renamings);
  };
  const std::vector<Renaming> both = {{"a", "c"}, {"b", "c"}};
  EXPECT_THAT(rename(both),
              FailsWith("w: tensor \"b\": found it beside \"a\", expected one of them: "
                        "both are \"c\""));
  const std::vector<Renaming> onto = {{"a", "b"}};
  EXPECT_THAT(rename(onto), FailsWith("both are \"b\""));
  const std::vector<Renaming> absent = {{"nowhere", "b"}, {"a", "d"}};  // what is there counts
  EXPECT_TRUE(rename(absent)->Contains("b"));
}

TEST(WeightMapRenameTest, RenamingsFollowEachOther) {
  const at::Tensor stored = Counted({4, 6});
  WeightMap weights = Renamed({{"m.proj", stored}}, {{"m.proj", "proj", {.transposed = true}}});
  const std::vector<Renaming> cut = {{"proj", "second", {.part = 1, .parts = 2}}};
  WeightMap twice = *std::move(weights).Rename(cut);
  EXPECT_THAT(*twice.Take("second", {3, 4}), IsEqualTo(stored.t().narrow(0, 3, 3)));
  EXPECT_THAT(twice.Take("second", {2, 4}),
              FailsWith("tensor \"m.proj\": found shape [4, 6], expected [4, 4]"));
}

TEST(WeightMapRenameTest, TheOriginIsWhatWasTakenByTheFilesNames) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "w.safetensors";
  ASSERT_TRUE(WriteSafetensors(path, AttentionTensors()).ok());
  WeightMap weights = *std::move(*WeightMap::Open(path, "")).Rename(Attention());
  WeightMap part = weights.Extract({"q", "k", "own"});
  EXPECT_TRUE(part.Take("q", {2, 4}).ok() && part.Take("k", {2, 4}).ok());
  EXPECT_THAT(part.Origin()->files, ElementsAre(path));
  EXPECT_THAT(part.Origin()->taken.at(path), ElementsAre("in_proj"));
  EXPECT_TRUE(weights.Origin()->taken.empty());
}

}  // namespace
}  // namespace draftp
