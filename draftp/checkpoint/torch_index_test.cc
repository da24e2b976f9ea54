#include "draftp/checkpoint/torch_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/checkpoint/test_torch_files.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Bytes;
using testing::Contents;
using testing::FailsWith;
using testing::PCall;
using testing::PDict;
using testing::PGlobal;
using testing::Pickled;
using testing::PInt;
using testing::PInts;
using testing::PStorage;
using testing::PTensor;
using testing::PText;
using testing::PTuple;
using testing::TorchZip;
using testing::Zip;

constexpr int64_t kMost = INT64_MAX;

absl::StatusOr<TorchIndex> Parse(const std::string& file) {
  return ParseTorchIndex("m.pt", std::as_bytes(std::span(file)));
}

// Two floats.
std::string Pair(const std::string& key = "0") {
  return PTensor(PStorage("FloatStorage", key, 2), 0, {2}, {1});
}
std::string PairZip(const std::string& value) { return TorchZip(value, {{"0", "12345678"}}); }

// A tensor of a storage of 8 bytes.
absl::StatusOr<TorchIndex> ParseTensor(int64_t offset, const std::vector<int64_t>& shape,
                                       const std::vector<int64_t>& strides) {
  return Parse(
      PairZip(PDict({{"w", PTensor(PStorage("FloatStorage", "0", 2), offset, shape, strides)}})));
}

std::vector<std::string> NamesOf(const absl::StatusOr<TorchIndex>& index) {
  std::vector<std::string> names;
  if (!index.ok()) return {index.status().ToString()};
  for (const auto& [name, entry] : index->tensors) names.push_back(name);
  return names;
}

TEST(TorchIndexTest, TensorsLieInsideTheirStorage) {
  for (const auto& [shape, strides] :
       std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>>{
           {{250}, {1}},  // what LibTorch's reader accepts
           {{3}, {1}},
           {{2}, {2}},
           {{1, 2}, {1, 2}},
           {{2, 2}, {0, 1}},
           {{kMost}, {0}},
           {{kMost}, {1}},
           {{2}, {kMost}},
           {{3, 3}, {kMost, kMost}},
           {{kMost / 4, 5}, {1, 1}},
           {{0, kMost, kMost}, {1, 1, 1}}}) {
    EXPECT_THAT(ParseTensor(0, shape, strides), FailsWith("m.pt: tensor \"w\": found shape ["));
  }
  for (const int64_t offset : {int64_t{1}, int64_t{2}, int64_t{3}, kMost})
    EXPECT_THAT(ParseTensor(offset, {2}, {1}), FailsWith("expected it inside a storage of 2"));
  EXPECT_THAT(ParseTensor(-1, {2}, {1}), FailsWith("tensor \"w\": found a place"));
  EXPECT_THAT(ParseTensor(0, {-2}, {1}), FailsWith("found a shape with -2, expected numbers"));
  EXPECT_THAT(ParseTensor(1, {2}, {-1}), FailsWith("found a list of strides with -1"));
  EXPECT_THAT(ParseTensor(0, {2}, {1, 1}), FailsWith("found 2 strides of shape [2]"));
  EXPECT_THAT(ParseTensor(0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)),
              FailsWith("expected a tuple of at most 64 numbers"));
  EXPECT_TRUE(ParseTensor(0, {2}, {1}).ok());
  EXPECT_TRUE(ParseTensor(1, {}, {}).ok());
  EXPECT_TRUE(ParseTensor(2, {0}, {1}).ok());
  EXPECT_TRUE(ParseTensor(0, {1, 2}, {kMost, 1}).ok()) << "a stride of one element is never taken";
}

TEST(TorchIndexTest, StoragesAreInTheFileWithTheirSize) {
  const auto storage = [](const std::string& type, int64_t elements) {
    return Parse(PairZip(PDict({{"w", PTensor(PStorage(type, "0", elements), 0, {1}, {1})}})));
  };
  EXPECT_TRUE(storage("HalfStorage", 4).ok());
  EXPECT_THAT(storage("FloatStorage", 4), FailsWith("found 8 bytes in zip entry"));
  EXPECT_THAT(storage("DoubleStorage", kMost), FailsWith("elements, expected a storage's number"));
  EXPECT_THAT(storage("FloatStorage", -2), FailsWith("found -2 elements"));
  EXPECT_THAT(storage("QInt8Storage", 8), FailsWith("found storage type torch.QInt8Storage"));
  EXPECT_THAT(Parse(PairZip(PDict({{"w", Pair("1")}}))),
              FailsWith("m.pt: tensor \"w\": found no zip entry \"archive/data/1\""));
  EXPECT_THAT(Parse(PairZip(PDict({{"w", Pair(std::string(101, '0'))}}))),
              FailsWith("found a storage's key that is a text, expected a short"));
}

TEST(TorchIndexTest, CodeIsNamedAndNeverRun) {
  const testing::TemporaryFolder folder;
  const std::string call = PCall(PGlobal("os", "system"), {PText("touch " + (folder / "ran"))});
  EXPECT_THAT(
      Parse(PairZip(call)),
      FailsWith("m.pt: holds os.system, which isn't loaded from pickles; expected tensors by "
                "name"));
  EXPECT_THAT(Parse(PairZip(PDict({{"state_dict", call}}))),
              FailsWith("found no tensors under \"state_dict\" (os.system), expected tensors"));
  // Where nobody asks for it, it is left out.
  const absl::StatusOr<TorchIndex> beside = Parse(PairZip(PDict({{"w", Pair()}, {"x", call}})));
  EXPECT_THAT(NamesOf(beside), ::testing::ElementsAre("w"));
  EXPECT_EQ(beside->others.at("x"), "os.system");
  EXPECT_FALSE(std::filesystem::exists(folder / "ran"));
}

TEST(TorchIndexTest, FindsTheDictOfTensors) {
  const std::string inner = PDict({{"w", Pair()}});
  const auto names = [](const std::string& value) { return NamesOf(Parse(PairZip(value))); };
  const auto w = ::testing::ElementsAre("w");
  EXPECT_THAT(names(inner), w);
  EXPECT_THAT(names(PDict({{"state_dict", inner}, {"epoch", PInt(1)}, {"ema", inner}})), w);
  EXPECT_THAT(names(PDict({{"step", Pair()}, {"state_dict", inner}})), w);
  EXPECT_THAT(names(PDict({{"model", inner}, {"optimizer", PDict({{"state", inner}})}})), w);
  EXPECT_THAT(Parse(PairZip(PDict({{"params", inner}, {"params_ema", inner}}))),
              FailsWith("found tensors under \"params\", \"params_ema\", expected them under one"));
  EXPECT_THAT(Parse(PairZip(PDict({{"a", PInt(1)}, {"b", PText("x")}}))),
              FailsWith("found no tensors under \"a\", \"b\", expected tensors by name"));
  EXPECT_THAT(Parse(PairZip("}")), FailsWith("found an empty dict"));
  EXPECT_THAT(Parse(PairZip(Pair())), FailsWith("found one tensor without a name"));
  EXPECT_THAT(Parse(PairZip(PTuple({Pair()}))), FailsWith("found a tuple, expected tensors"));
  EXPECT_THAT(Parse(PairZip(PDict({{"w", Pair()}, {"w", Pair()}}))),
              FailsWith("tensor \"w\": found twice, expected once"));
  EXPECT_THAT(Parse(PairZip(PDict({{"w\xff", Pair()}}))), FailsWith("isn't UTF-8"));
}

TEST(TorchIndexTest, RebuildFunctionsWithOtherArgumentsAreErrors) {
  const auto call = [](const std::string& name, const std::vector<std::string>& arguments) {
    return Parse(PairZip(PDict({{"w", PCall(PGlobal("torch._utils", name), arguments)}})));
  };
  const std::string storage = PStorage("FloatStorage", "0", 2);
  EXPECT_THAT(call("_rebuild_tensor_v2", {}), FailsWith("found 0 arguments"));
  EXPECT_THAT(call("_rebuild_tensor_v2", {PInt(1), PInt(0), PInts({2}), PInts({1})}),
              FailsWith("found a number, expected a storage"));
  EXPECT_THAT(call("_rebuild_tensor_v2", {storage, PInt(0), PInt(2), PInts({1})}),
              FailsWith("found a shape that is a number"));
  EXPECT_THAT(call("_rebuild_tensor_v2", {storage, PInt(0), PInts({2}), PInts({1}), "\x89", "}",
                                          PDict({{"conj", "\x88"}})}),
              FailsWith("found a conjugate or negative"));
  EXPECT_THAT(call("_rebuild_parameter", {PInt(1)}),
              FailsWith("found a parameter of other things"));
  EXPECT_TRUE(call("_rebuild_parameter", {Pair()}).ok());
  std::string deep = Pair();
  for (int i = 0; i < 5; ++i) deep = PCall(PGlobal("torch._utils", "_rebuild_parameter"), {deep});
  EXPECT_THAT(call("_rebuild_parameter", {deep}), FailsWith("found a parameter of other things"));
  EXPECT_THAT(call("_rebuild_tensor_v3", {storage, PInt(0), PInts({2}), PInts({1}), "\x89", "}",
                                          PGlobal("torch", "uint16")}),
              FailsWith("found dtype torch.uint16"))
      << "untyped storages alone";
  EXPECT_EQ(
      call("_rebuild_qtensor", {storage}).status().message(),
      "m.pt: found no tensors under \"w\" (torch._utils._rebuild_qtensor), expected tensors by "
      "name");
}

TEST(TorchIndexTest, OtherArchivesAreNamed) {
  EXPECT_THAT(Parse(TorchZip(PDict({{"w", Pair()}}), {{"0", "12345678"}}, "big")),
              FailsWith("m.pt: found byte order \"big\", expected little"));
  EXPECT_THAT(Parse(Zip({{"a.txt", ""}})), FailsWith("found a zip archive without NAME/data.pkl"));
  EXPECT_THAT(Parse(Zip({{"a/data.pkl", ""}, {"b/data.pkl", ""}})), FailsWith("several data.pkl"));
  EXPECT_THAT(Parse(Zip({{"a/data.pkl", ""}, {"a/constants.pkl", ""}})),
              FailsWith("found a TorchScript program"));
  EXPECT_THAT(Parse(Zip({{"a/data.pkl", ""}})), FailsWith("m.pt: byte 0 of the pickle"));
  EXPECT_THAT(Parse("PK"), FailsWith("m.pt: found no end of a zip archive"));
  EXPECT_THAT(Parse("hello"),
              FailsWith("m.pt: found neither a zip archive nor torch.save's magic"));
  EXPECT_THAT(Parse(""), FailsWith("found neither a zip archive"));
}

// A dict that is looked into once for each of a million keys would take hours.
TEST(TorchIndexTest, SharedDictsAreLookedIntoOnce) {
  std::string value = "}(";
  for (int i = 0; i < 200'000; ++i) value += "K\x01N";
  value += "uq" + Bytes(7, 1) + "0}(";
  for (int i = 0; i < 200'000; ++i) value += "K\x01h\x07";
  EXPECT_THAT(Parse(PairZip(value + "u")), FailsWith("found no tensors under a number"));
}

// The old format, of one storage.
struct Legacy {
  std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  std::string version = PInt(1001);
  std::string system = PDict({{"little_endian", "\x88"}});
  std::string value = PDict({{"w", Pair()}});
  std::string keys = "](" + PText("0") + "e";
  std::string data = Bytes(2, 8) + "12345678";

  absl::StatusOr<TorchIndex> Read() const {
    return Parse(Pickled(magic) + Pickled(version) + Pickled(system) + Pickled(value) +
                 Pickled(keys) + data);
  }
};

TEST(TorchIndexTest, ReadsTheOldFormat) {
  EXPECT_THAT(NamesOf(Legacy{}.Read()), ::testing::ElementsAre("w"));
}

TEST(TorchIndexTest, ChecksTheOldFormat) {
  EXPECT_THAT((Legacy{.magic = "N"}).Read(), FailsWith("nor torch.save's magic number"));
  EXPECT_THAT((Legacy{.version = PInt(1000)}).Read(), FailsWith("found version 1000"));
  EXPECT_THAT((Legacy{.system = PDict({{"little_endian", "\x89"}})}).Read(),
              FailsWith("found another byte order"));
  EXPECT_THAT((Legacy{.keys = "N"}).Read(), FailsWith("found None, expected a list of storages"));
  EXPECT_THAT((Legacy{.keys = "](" + PText("1") + "e"}).Read(),
              FailsWith("found a storage that nothing refers to"));
  EXPECT_THAT((Legacy{.keys = "]"}).Read(), FailsWith("tensor \"w\": found no storage \"0\""));
  EXPECT_THAT((Legacy{.data = Bytes(2, 8) + "1234567"}).Read(), FailsWith("found 15 bytes for"));
  EXPECT_THAT((Legacy{.data = Bytes(3, 8) + "12345678"}).Read(), FailsWith("found 3 elements of"));
  EXPECT_THAT(
      (Legacy{.value = PDict(
                  {{"w", Pair()}, {"x", PTensor(PStorage("FloatStorage", "0", 3), 0, {2}, {1})}})})
          .Read(),
      FailsWith("found storage \"0\" with two sizes"));
  Legacy twice;
  twice.keys = "](" + PText("0") + PText("0") + "e";
  twice.data += twice.data;
  EXPECT_THAT(twice.Read(), FailsWith("found storage \"0\" twice"));
}

TEST(TorchIndexTest, EveryCutOfTheOldFormatIsAnError) {
  const std::string file = Contents("testdata/goldens/torch_files/state_dict_legacy.pt");
  ASSERT_TRUE(Parse(file).ok());
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(Parse(file.substr(0, size)).ok()) << size;
}

}  // namespace
}  // namespace draftp
