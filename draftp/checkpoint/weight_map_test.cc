// Finding, joining and taking the weights of a model folder.
#include "draftp/checkpoint/weight_map.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/test_torch_files.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsEqualTo;
using testing::TemporaryFolder;

constexpr char kStem[] = "diffusion_pytorch_model";

void Save(const std::string& path, const std::map<std::string, double>& values) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, value] : values) tensors[name] = at::full({2}, value, at::kFloat);
  ASSERT_TRUE(WriteSafetensors(path, tensors, {{"format", "pt"}}).ok());
}

// A folder with two shards and an index of this name and contents.
void SaveShards(const TemporaryFolder& folder, const std::string& index_name,
                const std::string& weight_map =
                    R"({"a": "s1.safetensors", "b": "s1.safetensors", "c": "s2.safetensors"})") {
  Save(folder / "s1.safetensors", {{"a", 1}, {"b", 2}});
  Save(folder / "s2.safetensors", {{"c", 3}});
  folder.Write(index_name, R"({"metadata": {"total_size": 24}, "weight_map": )" + weight_map + "}");
}

TEST(WeightMapTest, TakesTensorsOfOneFile) {
  const TemporaryFolder folder;
  Save(folder / "diffusion_pytorch_model.safetensors", {{"a", 1}, {"b", 2}});
  WeightMap weights = *WeightMap::Open(folder.path(), kStem);
  EXPECT_THAT(*weights.Take("a", {2}), IsEqualTo(at::full({2}, 1.0, at::kFloat)));
  EXPECT_THAT(weights.names(), ElementsAre("a", "b"));
  EXPECT_THAT(weights.Unused(), ElementsAre("b"));
  EXPECT_THAT(weights.sources(), ElementsAre(folder / "diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(weights.metadata().at("format"), "pt");
  EXPECT_TRUE(weights.Contains("b"));
  EXPECT_THAT(*weights.Shape("b"), ElementsAre(2));
}

TEST(WeightMapTest, OpensAFileByItsOwnName) {
  const TemporaryFolder folder;
  Save(folder / "my_lora.safetensors", {{"a", 1}});
  EXPECT_TRUE(WeightMap::Open(folder / "my_lora.safetensors", "x").ok());
  EXPECT_THAT(WeightMap::Open(folder / "none.safetensors", "x"),
              FailsWith("/none.safetensors: can't read: No such file"));
}

TEST(WeightMapTest, NamesFileKeyAndShapes) {
  WeightMap weights =
      WeightMap::FromTensors({{"conv_in.weight", at::ones({64, 4, 3, 3})}}, "unet.safetensors");
  EXPECT_THAT(weights.Take("conv_in.weight", {320, 4, 3, 3}),
              FailsWith("unet.safetensors: tensor \"conv_in.weight\": found shape [64, 4, 3, 3], "
                        "expected [320, 4, 3, 3]"));
  EXPECT_THAT(weights.Take("conv_in.weigth", {1}),
              FailsWith("found no such tensor, expected it to be there (the nearest "
                        "name is \"conv_in.weight\")"));
  EXPECT_THAT(weights.Shape("zzz"), FailsWith("tensor \"zzz\": found no such tensor"));
}

TEST(WeightMapTest, RefusesIntegersWhereWeightsAreExpected) {
  WeightMap weights = WeightMap::FromTensors({{"a", at::ones({1}, at::kLong)}});
  EXPECT_THAT(weights.Take("a", {1}),
              FailsWith("memory: tensor \"a\": found dtype Long, expected a floating-point one"));
}

TEST(WeightMapTest, ExtractsAPartByThePrefixesOfItsNames) {
  WeightMap weights = WeightMap::FromTensors(
      {{"image.a", at::ones({1})}, {"imag", at::ones({1})}, {"text", at::ones({1})}}, "clip");
  const WeightMap part = weights.Extract({"image.", "text"});
  EXPECT_THAT(part.names(), ElementsAre("image.a", "text"));
  EXPECT_THAT(part.sources(), ElementsAre("clip"));
  EXPECT_THAT(weights.names(), ElementsAre("imag"));
  EXPECT_THAT(weights.Take("text", {1}), FailsWith("clip: tensor \"text\": found no such tensor"));
}

TEST(WeightMapTest, TakesATiedTensorTwice) {
  WeightMap weights = WeightMap::FromTensors({{"a", at::ones({1})}});
  EXPECT_TRUE(weights.Take("a", {1}).ok());
  EXPECT_TRUE(weights.Take("a", {1}).ok());
  EXPECT_THAT(weights.Unused(), IsEmpty());
}

TEST(WeightMapTest, JoinsShards) {
  const TemporaryFolder folder;
  SaveShards(folder, "diffusion_pytorch_model.safetensors.index.json");
  absl::StatusOr<WeightMap> weights = WeightMap::Open(folder.path(), kStem);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*weights->Take("c", {2}), IsEqualTo(at::full({2}, 3.0, at::kFloat)));
  EXPECT_THAT(weights->Take("a", {3}), FailsWith("/s1.safetensors: tensor \"a\""));
  EXPECT_EQ(weights->sources().size(), 3U);
}

TEST(WeightMapTest, KnowsTheNamesOfShardedVariants) {
  for (const std::string name : {"diffusion_pytorch_model.safetensors.index.fp16.json",
                                 "diffusion_pytorch_model.safetensors.fp16.index.json",
                                 "diffusion_pytorch_model.fp16.safetensors.index.json",
                                 "diffusion_pytorch_model.safetensors.index.bf16.json"}) {
    const TemporaryFolder folder;
    SaveShards(folder, name);
    EXPECT_TRUE(WeightMap::Open(folder.path(), kStem).ok()) << name;
  }
}

TEST(WeightMapTest, PrefersFullPrecisionThenOneFileThenFp16) {
  const TemporaryFolder folder;
  const auto opened = [&folder] {
    return WeightMap::Open(folder.path(), kStem)->sources().front();
  };
  Save(folder / "diffusion_pytorch_model.bf16.safetensors", {{"a", 4}});
  EXPECT_EQ(opened(), folder / "diffusion_pytorch_model.bf16.safetensors");
  SaveShards(folder, "diffusion_pytorch_model.safetensors.index.fp16.json");
  EXPECT_EQ(opened(), folder / "diffusion_pytorch_model.safetensors.index.fp16.json");
  Save(folder / "diffusion_pytorch_model.fp16.safetensors", {{"a", 3}});
  EXPECT_EQ(opened(), folder / "diffusion_pytorch_model.fp16.safetensors");
  SaveShards(folder, "diffusion_pytorch_model.safetensors.index.json");
  EXPECT_EQ(opened(), folder / "diffusion_pytorch_model.safetensors.index.json");
  Save(folder / "diffusion_pytorch_model.safetensors", {{"a", 1}});
  EXPECT_EQ(opened(), folder / "diffusion_pytorch_model.safetensors");
}

TEST(WeightMapTest, ADanglingLinkIsAnErrorAndNotPassedOver) {
  const TemporaryFolder folder;
  Save(folder / "diffusion_pytorch_model.fp16.safetensors", {{"a", 3}});
  ASSERT_EQ(symlink("gone", (folder / "diffusion_pytorch_model.safetensors").c_str()), 0);
  EXPECT_THAT(WeightMap::Open(folder.path(), kStem),
              FailsWith("/diffusion_pytorch_model.safetensors: can't read"));
}

TEST(WeightMapTest, NamesAMissingShard) {
  const TemporaryFolder folder;
  SaveShards(folder, "diffusion_pytorch_model.safetensors.index.json");
  std::filesystem::remove(folder / "s2.safetensors");
  EXPECT_THAT(WeightMap::Open(folder.path(), kStem),
              FailsWith("index.json: found no shard s2.safetensors"));
}

TEST(WeightMapTest, ShardsMustHoldWhatTheIndexSays) {
  const auto error = [](const std::string& weight_map) {
    const TemporaryFolder folder;
    SaveShards(folder, "i.json", weight_map);
    return WeightMap::Open(folder / "i.json", kStem).status();
  };
  EXPECT_THAT(
      error(
          R"({"a": "s1.safetensors", "b": "s1.safetensors", "c": "s2.safetensors", "d": "s2.safetensors"})"),
      FailsWith("i.json: found no tensor \"d\" in s2.safetensors"));
  EXPECT_THAT(error(R"({"a": "s1.safetensors", "c": "s2.safetensors"})"),
              FailsWith("found tensor \"b\" in s1.safetensors, expected it in weight_map, too"));
  EXPECT_THAT(error(R"({"a": "s1.safetensors", "b": "s2.safetensors", "c": "s2.safetensors"})"),
              FailsWith("found tensor \"b\" in s1.safetensors, expected it in s2.safetensors"));
}

TEST(WeightMapTest, ShardNamesStayInsideTheFolder) {
  for (const std::string name : {"../s1.safetensors", "/etc/passwd", "sub/s1.safetensors", "",
                                 ".safetensors", ".bin", "s1.pt", "s1\\u0000.safetensors"}) {
    const TemporaryFolder folder;
    SaveShards(folder, "i.json", R"({"a": ")" + name + "\"}");
    EXPECT_THAT(WeightMap::Open(folder / "i.json", kStem),
                FailsWith("expected the name of a .safetensors or .bin file in the same"))
        << name;
  }
}

TEST(WeightMapTest, RejectsAnIndexWithoutAWeightMap) {
  const TemporaryFolder folder;
  for (const std::string text : {"{}", "[]", R"({"weight_map": []})"}) {
    EXPECT_THAT(WeightMap::Open(folder.Write("i.json", text), kStem),
                FailsWith("i.json: found no object \"weight_map\""));
  }
  EXPECT_THAT(WeightMap::Open(folder.Write("i.json", R"({"weight_map": {"a": 1}})"), kStem),
              FailsWith("tensor \"a\": found shard number"));
}

TEST(WeightMapTest, SaysWhichOtherWeightsThereAre) {
  const TemporaryFolder folder;
  EXPECT_THAT(WeightMap::Open(folder.path(), kStem),
              FailsWith("found no weights, expected diffusion_pytorch_model.safetensors, "
                        "diffusion_pytorch_model.bin or the shards of either"));
  folder.Write("other.ckpt", "x");
  EXPECT_THAT(WeightMap::Open(folder.path(), kStem), FailsWith("found other.ckpt, expected"));
  folder.Write("other.safetensors", "x");
  EXPECT_THAT(WeightMap::Open(folder.path(), kStem),
              FailsWith("found other.safetensors, expected"));
}

TEST(WeightMapTest, TakesTensorsOfTorchSave) {
  const TemporaryFolder folder;
  const std::string zip = testing::Contents("testdata/goldens/torch_files/lightning.ckpt");
  const std::string path = folder.Write("diffusion_pytorch_model.bin", zip);
  absl::StatusOr<WeightMap> weights = WeightMap::Open(folder.path(), kStem);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(*weights->Shape("shared.transposed"), (std::vector<int64_t>{6, 4}));
  EXPECT_EQ(weights->Take("shared.column", {4})->dim(), 1);
  EXPECT_THAT(weights->Take("half", {3, 2}), FailsWith("found shape [2, 3], expected [3, 2]"));
  EXPECT_THAT(weights->Take("flags", {3}),
              FailsWith("found dtype Bool, expected a floating-point"));
  EXPECT_THAT(weights->Origin()->taken.at(path), ::testing::Contains("shared.column"));
}

TEST(WeightMapTest, SaysWhatStandsInATensorsPlace) {
  const TemporaryFolder folder;
  const std::string path = folder.Write(
      "m.pt", testing::TorchZip(
                  testing::PDict({{"a", testing::PTensor(testing::PStorage("FloatStorage", "0", 1),
                                                         0, {1}, {1})},
                                  {"b", testing::PCall(testing::PGlobal("os", "system"), {})}}),
                  {{"0", "1234"}}));
  absl::StatusOr<WeightMap> weights = WeightMap::Open(path, "model");
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->names(), ::testing::ElementsAre("a"));
  EXPECT_THAT(weights->Take("b", {1}),
              FailsWith("m.pt: tensor \"b\": found os.system, expected a tensor"));
}

TEST(WeightMapTest, ShardsMayBeOfTorchSave) {
  const TemporaryFolder folder;
  for (const std::string name : {"a", "b"}) {
    folder.Write(
        name + ".bin",
        testing::TorchZip(
            testing::PDict(
                {{name, testing::PTensor(testing::PStorage("FloatStorage", "0", 1), 0, {1}, {1})}}),
            {{"0", "1234"}}));
  }
  folder.Write("pytorch_model.bin.index.json", R"({"weight_map": {"a": "a.bin", "b": "b.bin"}})");
  absl::StatusOr<WeightMap> weights = WeightMap::Open(folder.path(), "model");
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->names(), ::testing::ElementsAre("a", "b"));
}

TEST(WeightMapTest, ReadsTheEmbeddedModel) {
  absl::StatusOr<WeightMap> weights = WeightMap::Open("testdata/tiny_sdxl/text_encoder", "model");
  ASSERT_TRUE(weights.ok()) << weights.status();
  for (const std::string& name : weights->names()) {
    if (name.find("position_ids") == std::string::npos) {
      EXPECT_TRUE(weights->Take(name, *weights->Shape(name)).ok()) << name;
    }
  }
}

absl::Status TakeAll(const std::string& path) {
  absl::StatusOr<WeightMap> weights = WeightMap::Open(path, kStem);
  if (!weights.ok()) return weights.status();
  for (const std::string& name : weights->names()) {
    const absl::StatusOr<at::Tensor> tensor = weights->Take(name, *weights->Shape(name));
    if (!tensor.ok()) return tensor.status();
    tensor->sum();  // touches all of it
  }
  return absl::OkStatus();
}

TEST(WeightMapTest, SurvivesDamagedFiles) {
  const std::string file = "testdata/tiny_sdxl/text_encoder/model.safetensors";
  const auto tally = testing::ExpectCopySurvivesDamage(
      file, {.text = testing::SafetensorsHeaderBytes(file)}, TakeAll);
  EXPECT_EQ(tally.legal_truncated, 0u);
}

TEST(WeightMapTest, SurvivesADamagedIndexAndDamagedShards) {
  const TemporaryFolder folder;
  const std::string index = std::string(kStem) + ".safetensors.index.json";
  SaveShards(folder, index);
  for (const std::string& damaged : {index, std::string("s1.safetensors")}) {
    testing::ExpectSurvivesDamage(folder / damaged, {.named = folder.path()},
                                  [&] { return TakeAll(folder.path()); });
  }
}

}  // namespace
}  // namespace draftp
