#include "draftp/checkpoint/pickle.h"

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
using testing::PText;
using testing::PTuple;

bool KeepsF(std::string_view global) { return global == "m.f"; }

// Texts of the result view `bytes`, which must outlive it.
absl::StatusOr<Pickle> ReadAll(const std::string& bytes) {
  return ReadPickle(std::as_bytes(std::span(bytes)), KeepsF);
}

TEST(PickleTest, ReadsIntegersOfEveryWidth) {
  const auto number = [](const std::string& opcodes) {
    const absl::StatusOr<Pickle> pickle = ReadAll(opcodes + ".");
    return pickle.ok() && pickle->root().kind == PickleKind::kInt ? pickle->root().number : 123456;
  };
  EXPECT_EQ(number("K\xff"), 255);
  EXPECT_EQ(number("M\xff\xff"), 65535);
  EXPECT_EQ(number("J\xff\xff\xff\xff"), -1);
  EXPECT_EQ(number(std::string("\x8a\x00", 2)), 0);
  EXPECT_EQ(number("\x8a\x01\xfe"), -2);
  EXPECT_EQ(number("\x8a\x08" + std::string(7, '\xff') + "\x7f"), INT64_MAX);
  EXPECT_EQ(number(std::string("\x8b\x02\x00\x00\x00\x00\x80", 7)), -32768);
  EXPECT_EQ(number("I-17\n"), -17);
  EXPECT_EQ(number("L-17L\n"), -17);
}

TEST(PickleTest, LongerIntegersKeepTheirBytes) {
  const std::string bytes = "\x8a\xff" + std::string(255, '\x01') + ".";
  const absl::StatusOr<Pickle> pickle = ReadAll(bytes);
  EXPECT_EQ(pickle->root().kind, PickleKind::kLong);
  EXPECT_EQ(pickle->root().text.size(), 255u);
  EXPECT_EQ(ReadAll("I99999999999999999999\n.")->root().kind, PickleKind::kSkipped);
}

TEST(PickleTest, ObjectsAreNeitherBuiltNorCalled) {
  const testing::TemporaryFolder folder;
  const std::string command = "touch " + (folder / "ran");
  for (const std::string& call :
       {PCall(PGlobal("os", "system"), {PText(command)}),
        "(" + PText(command) + "ios\nsystem\n",                       // INST
        "(" + PGlobal("os", "system") + PText(command) + "o",         // OBJ
        PGlobal("os", "system") + PTuple({PText(command)}) + "\x81",  // NEWOBJ
        PGlobal("os", "system") + PTuple({PText(command)}) + "}\x92",
        PText("os") + PText("system") + "\x93" + PTuple({PText(command)}) + "R" + "}b"}) {
    const std::string bytes = Pickled(call);
    const absl::StatusOr<Pickle> pickle = ReadAll(bytes);
    ASSERT_TRUE(pickle.ok()) << pickle.status();
    EXPECT_EQ(pickle->root().kind, PickleKind::kSkipped);
    EXPECT_EQ(DescribePickleValue(pickle->root()), "os.system");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "ran"));
}

TEST(PickleTest, KeepsCallsOfKnownFunctionsWithTheirArguments) {
  const std::string bytes = Pickled(PCall(PGlobal("m", "f"), {PInt(5)}));
  const absl::StatusOr<Pickle> pickle = ReadAll(bytes);
  ASSERT_EQ(pickle->root().kind, PickleKind::kCall);
  EXPECT_EQ((*pickle)[pickle->root().items[0]].text, "m.f");
  EXPECT_EQ((*pickle)[(*pickle)[pickle->root().items[1]].items[0]].number, 5);
}

TEST(PickleTest, AnOrderedDictIsADict) {
  const std::string ordered = PGlobal("collections", "OrderedDict");
  const std::string pairs = "((" + PText("a") + PInt(1) + "t(" + PText("b") + PInt(2) + "tl";
  for (const std::string& value :
       {PDict({{"a", PInt(1)}, {"b", PInt(2)}}),
        ordered + ")R" + PText("a") + PInt(1) + "s" + PText("b") + PInt(2) + "s",
        ordered + pairs + "\x85R", ordered + ")R(" + PText("b") + PInt(2) + "u}b"}) {
    const std::string bytes = Pickled(value);
    const absl::StatusOr<Pickle> pickle = ReadAll(bytes);
    ASSERT_TRUE(pickle.ok()) << pickle.status();
    const auto b = FindInDict(*pickle, pickle->root(), "b");
    ASSERT_TRUE(b.has_value());
    EXPECT_EQ((*pickle)[*b].number, 2);
  }
  EXPECT_THAT(ReadAll(Pickled(ordered + PTuple({PTuple({PInt(1)})}) + "R")),
              FailsWith("found an OrderedDict of other things"));
}

TEST(PickleTest, ReadsWhatPythonWritesByEveryProtocol) {
  for (const std::string protocol : {"0", "1", "2", "3", "4", "5"}) {
    const std::string bytes = Contents("testdata/fuzz/pickle/protocol_" + protocol);
    const absl::StatusOr<Pickle> pickle = ReadAll(bytes);
    ASSERT_TRUE(pickle.ok()) << protocol << ": " << pickle.status();
    EXPECT_EQ(pickle->size, bytes.size());
    const auto kind = [&](std::string_view key) {
      return (*pickle)[*FindInDict(*pickle, pickle->root(), key)].kind;
    };
    EXPECT_EQ(kind("object"), PickleKind::kSkipped) << protocol;
    EXPECT_EQ(kind("dict"), PickleKind::kDict) << protocol;
    EXPECT_EQ(kind("tuple"), PickleKind::kTuple) << protocol;
    EXPECT_EQ(kind("float"), PickleKind::kFloat) << protocol;
  }
}

TEST(PickleTest, EveryCutOfAPickleIsAnError) {
  for (const std::string protocol : {"0", "2", "5"}) {
    const std::string bytes = Contents("testdata/fuzz/pickle/protocol_" + protocol);
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(ReadAll(bytes.substr(0, size)).ok()) << protocol << " " << size;
  }
}

TEST(PickleTest, NoLengthIsTrusted) {
  const std::string most = "\xff\xff\xff\xff";
  for (const std::string opcode : {"X", "T", "B", "\x8b"})
    EXPECT_THAT(ReadAll(opcode + most + "ab."),
                FailsWith("found 3 bytes more, expected 4294967295"));
  for (const std::string opcode : {"\x8d", "\x8e", "\x96"}) {
    EXPECT_THAT(ReadAll(opcode + most + most + "ab."),
                FailsWith("found 3 bytes more, expected 18446744073709551615"));
  }
  // A frame's length says nothing that is needed.
  EXPECT_TRUE(ReadAll("\x80\x04\x95" + most + most + "N.").ok());
}

TEST(PickleTest, TheMemoHoldsWhatWasPut) {
  const std::string bytes = PText("x") + "q\x05" + "h\x05\x86.";
  EXPECT_EQ(ReadAll(bytes)->root().items.size(), 2u);
  EXPECT_THAT(ReadAll("h\x05."), FailsWith("found nothing at place 5 of the memo"));
  EXPECT_THAT(ReadAll("Nr\xff\xff\xff\xff."), FailsWith("found place 4294967295 of the memo"));
  EXPECT_THAT(ReadAll("Np99999999999999999999\n."), FailsWith("no place of the memo"));
  EXPECT_EQ(ReadAll("K\x07\x94N\x94h" + Bytes(0, 1) + ".")->root().number, 7);
}

TEST(PickleTest, TheStackIsCheckedAtEveryOpcode) {
  for (const std::string opcodes : {"", "0", "2", "R", "\x81", "\x92", "\x93", "\x85", "\x87", "a",
                                    "s", "b", "Q", "q\x01", "(\x85", "N(b"}) {
    EXPECT_THAT(ReadAll(opcodes + "."), FailsWith("found nothing on the stack")) << opcodes;
  }
  for (const std::string opcodes : {"t", "l", "d", "e", "u", "o", "1", "\x90", "\x91"})
    EXPECT_THAT(ReadAll("N" + opcodes + "."), FailsWith("found no mark on the stack")) << opcodes;
  EXPECT_THAT(ReadAll("}(Nu."), FailsWith("found a key without a value"));
  EXPECT_THAT(ReadAll("(Nd."), FailsWith("found a key without a value"));
  EXPECT_THAT(ReadAll("NNa."), FailsWith("found None, expected a list"));
  EXPECT_THAT(ReadAll("N)R."), FailsWith("found a call of None"));
  EXPECT_THAT(ReadAll("NN\x93."), FailsWith("names are no texts"));
}

TEST(PickleTest, UnknownOpcodesAndProtocolsAreErrors) {
  EXPECT_THAT(ReadAll("N?."), FailsWith("byte 2 of the pickle: found opcode 63"));
  EXPECT_THAT(ReadAll("\x80\x06N."), FailsWith("found protocol 6, expected 0 to 5"));
}

TEST(PickleTest, DepthCostsNoStack) {
  constexpr size_t kDepth = 500'000;
  const std::string bytes = std::string(kDepth, ']') + std::string(kDepth - 1, 'a') + ".";
  EXPECT_TRUE(ReadAll(bytes).ok());
  EXPECT_TRUE(ReadAll("]q" + Bytes(0, 1) + "h" + Bytes(0, 1) + "a.").ok()) << "a list of itself";
}

TEST(PickleTest, ValuesItemsAndMarksAreLimited) {
  EXPECT_THAT(ReadAll(std::string(kMaxPickleValues + 1, 'N') + "."),
              FailsWith("found more than 2000000 values"));
  EXPECT_THAT(ReadAll(std::string(kMaxPickleValues + 1, '(') + "."),
              FailsWith("found more than 2000000 values on the stack"));
  // A list that an OrderedDict copies again and again.
  std::string bomb = "]q" + Bytes(1, 1) + "(";
  for (int i = 0; i < 1000; ++i) bomb += "NN\x86";
  bomb += "e0" + PGlobal("collections", "OrderedDict") + "q" + Bytes(2, 1) + "0";
  for (int i = 0; i < 5000; ++i) bomb += "h\x02h\x01\x85R0";
  EXPECT_THAT(ReadAll(bomb + "N."), FailsWith("found more than 8000000 items"));
  // A list that the same value is appended to again and again.
  std::string batch = "(";
  for (int i = 0; i < 1'900'000; ++i) batch += "h\x01";
  batch += "e";
  std::string list = "Nq\x01]";
  for (int i = 0; i < 5; ++i) list += batch;
  EXPECT_THAT(ReadAll(list + "."), FailsWith("found more than 8000000 items"));
}

}  // namespace
}  // namespace draftp
