// Every way in which a safetensors header can be wrong.
#include "draftp/checkpoint/safetensors_header.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;

// A file of this header and `data` bytes.
std::string File(const std::string& json, size_t data) {
  const uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + std::string(data, '\0');
}

absl::StatusOr<SafetensorsHeader> ParseHeader(const std::string& bytes) {
  return ParseSafetensorsHeader("f.safetensors",
                                std::as_bytes(std::span(bytes.data(), bytes.size())));
}

absl::StatusOr<SafetensorsHeader> ParseHeader(const std::string& json, size_t data) {
  return ParseHeader(File(json, data));
}

constexpr char kTwo[] = R"({"__metadata__":{"format":"pt"},)"
                        R"("a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},)"
                        R"("b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}   )";

// kTwo with one part of its text replaced.
absl::StatusOr<SafetensorsHeader> ParseWith(const std::string& from, const std::string& to,
                                            size_t data = 16) {
  return ParseHeader(absl::StrReplaceAll(kTwo, {{from, to}}), data);
}

TEST(SafetensorsHeaderTest, AGitLfsPointerIsNamed) {
  EXPECT_THAT(
      ParseHeader("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5135149760\n"),
      FailsWith("f.safetensors: found a Git LFS pointer, expected the file itself: git lfs "
                "pull fetches it"));
}

TEST(SafetensorsHeaderTest, WhatAnotherFileIsIsSaid) {
  const auto parse = [](std::string bytes) {
    bytes.resize(64);
    return ParseSafetensorsHeader("f.safetensors", std::as_bytes(std::span(bytes)));
  };
  EXPECT_THAT(parse("GGUF\3"), FailsWith("f.safetensors: found a GGUF file, expected safetensors"));
  EXPECT_THAT(parse("PK\3\4"),
              FailsWith("f.safetensors: found a zip archive, expected safetensors: "
                        "if torch.save wrote it, let its name end in .ckpt"));
  EXPECT_THAT(parse("<!DOCTYPE html>"), FailsWith("f.safetensors: found a web page"));
  EXPECT_THAT(parse("<html><body>403"), FailsWith("f.safetensors: found a web page"));
}

TEST(SafetensorsHeaderTest, ReadsTensorsAndMetadata) {
  const absl::StatusOr<SafetensorsHeader> header = ParseHeader(kTwo, 16);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->metadata.at("format"), "pt");
  EXPECT_EQ(header->tensors.at("a").dtype, at::kHalf);
  EXPECT_EQ(header->tensors.at("a").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(header->tensors.at("b").begin, 12U);
  EXPECT_EQ(header->data_begin, 8 + std::strlen(kTwo));
}

TEST(SafetensorsHeaderTest, TakesFilesWithoutTensors) {
  EXPECT_TRUE(ParseHeader("{}", 0).ok());
  EXPECT_TRUE(ParseHeader(R"({"a":{"dtype":"I8","shape":[0,7],"data_offsets":[0,0]}})", 0).ok());
}

TEST(SafetensorsHeaderTest, RejectsHeaderLengthsBeyondTheFileOrTheLimit) {
  EXPECT_THAT(ParseHeader(std::string()), FailsWith("f.safetensors: found 0 bytes"));
  EXPECT_THAT(ParseHeader(std::string(7, 'x')), FailsWith("found 7 bytes"));
  EXPECT_THAT(ParseHeader(std::string("\x03\0\0\0\0\0\0\0{}", 10)),
              FailsWith("found header length 3, expected at most 2"));
  EXPECT_THAT(ParseHeader(std::string(100, '\xff')),
              FailsWith("found header length 18446744073709551615"));
  EXPECT_THAT(ParseHeader(std::string(8, '\0')), FailsWith("doesn't begin with {"));
}

TEST(SafetensorsHeaderTest, RejectsWhatIsNotJson) {
  EXPECT_THAT(ParseHeader("[]", 0), FailsWith("doesn't begin with {"));
  EXPECT_THAT(ParseHeader("{", 0), FailsWith("isn't valid JSON at its byte 2"));
  EXPECT_THAT(ParseHeader("{}}", 0), FailsWith("isn't valid JSON at its byte 3"));
  EXPECT_THAT(ParseHeader(std::string("{}\0}", 4), 0), FailsWith("isn't valid JSON at its byte 2"));
  EXPECT_THAT(ParseWith("\"a\"", "\"\xff\""), FailsWith("isn't valid JSON"));
  EXPECT_THAT(ParseWith("[2,3]", "[2,3,]"), FailsWith("isn't valid JSON"));
}

TEST(SafetensorsHeaderTest, RejectsDuplicates) {
  EXPECT_THAT(ParseWith("\"b\"", "\"a\""), FailsWith("tensor \"a\": found twice"));
  EXPECT_THAT(ParseWith("\"shape\":[2,3]", "\"dtype\":\"F16\""),
              FailsWith("tensor \"a\": found dtype twice"));
  EXPECT_THAT(ParseWith("\"pt\"", "\"pt\",\"format\":\"pt\""), FailsWith("found \"format\" twice"));
  EXPECT_THAT(ParseWith("{\"__metadata__\"", "{\"__metadata__\":{},\"__metadata__\""),
              FailsWith("found twice"));
}

TEST(SafetensorsHeaderTest, RejectsMissingAndUnknownFields) {
  EXPECT_THAT(ParseWith("\"shape\":[2,3],", ""), FailsWith("tensor \"a\": found no shape"));
  EXPECT_THAT(ParseWith("\"dtype\":\"F16\",", ""), FailsWith("tensor \"a\": found no dtype"));
  EXPECT_THAT(ParseWith(",\"data_offsets\":[0,12]", ""),
              FailsWith("tensor \"a\": found no data_offsets"));
  EXPECT_THAT(ParseWith("\"shape\":[2,3]", "\"size\":[2,3]"),
              FailsWith("found key \"size\", expected dtype, shape"));
}

TEST(SafetensorsHeaderTest, RejectsWrongTypes) {
  EXPECT_THAT(ParseWith("\"F16\"", "16"),
              FailsWith("tensor \"a\": found 16, expected a dtype's name"));
  EXPECT_THAT(ParseWith("\"F16\"", "\"F17\""),
              FailsWith("found dtype \"F17\", expected one of BOOL U8"));
  EXPECT_THAT(ParseWith("[2,3]", "[2,-3]"),
              FailsWith("tensor \"a\": found -3, expected dimensions"));
  EXPECT_THAT(ParseWith("[2,3]", "[2,3.0]"), FailsWith("found the number 3.0"));
  EXPECT_THAT(ParseWith("[2,3]", "[[2,3]]"), FailsWith("found an array, expected dimensions"));
  EXPECT_THAT(ParseWith("[2,3]", "6"), FailsWith("found 6, expected an array for shape"));
  EXPECT_THAT(ParseWith("[2,3]", "{}"), FailsWith("found an object, expected an array for shape"));
  EXPECT_THAT(ParseWith("[2,3]", "[null]"), FailsWith("found null"));
  EXPECT_THAT(ParseWith("\"pt\"", "1"), FailsWith("found 1, expected text for \"format\""));
  EXPECT_THAT(ParseHeader(R"({"a":1})", 0),
              FailsWith("tensor \"a\": found 1, expected an object with dtype"));
  EXPECT_THAT(ParseHeader(R"({"__metadata__":[]})", 0), FailsWith("found an array"));
}

TEST(SafetensorsHeaderTest, RejectsOffsetsOutOfOrderOrBeyondTheData) {
  EXPECT_THAT(ParseWith("[0,12]", "[12,0]"), FailsWith("tensor \"a\": found data_offsets [12, 0]"));
  EXPECT_THAT(ParseWith("[12,16]", "[12,17]"),
              FailsWith("tensor \"b\": found data_offsets [12, 17]"));
  EXPECT_THAT(ParseWith("[0,12]", "[0]"), FailsWith("found 1 data_offsets, expected two"));
  EXPECT_THAT(ParseWith("[0,12]", "[0,12,12]"), FailsWith("found more than two data_offsets"));
  EXPECT_THAT(ParseWith("[0,12]", "[0,18446744073709551615]"), FailsWith("18446744073709551615"));
  EXPECT_THAT(ParseHeader(kTwo, 15),
              FailsWith("tensor \"b\": found data_offsets [12, 16], expected"));
}

TEST(SafetensorsHeaderTest, RejectsByteCountsThatDifferFromTheShape) {
  EXPECT_THAT(ParseWith("[2,3]", "[2,4]"),
              FailsWith("tensor \"a\": found 12 bytes of data, expected 16 for F16 [2, 4]"));
  EXPECT_THAT(ParseWith("\"F16\"", "\"F32\""), FailsWith("found 12 bytes of data, expected 24"));
}

TEST(SafetensorsHeaderTest, RejectsShapesWhoseProductOverflows) {
  EXPECT_THAT(ParseWith("[2,3]", "[4294967296,4294967296]"), FailsWith("expected more than 2^63"));
  EXPECT_THAT(ParseWith("[2,3]", "[9223372036854775808]"), FailsWith("found 9223372036854775808"));
  // Empty, but its strides wouldn't fit.
  EXPECT_THAT(
      ParseHeader(R"({"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})",
                  0),
      FailsWith("expected more than 2^63"));
  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  EXPECT_THAT(
      ParseHeader(
          absl::StrCat(R"({"a":{"dtype":"U8","shape":[)", ones, R"(],"data_offsets":[0,1]}})"), 1),
      FailsWith("more than 64 dimensions"));
}

TEST(SafetensorsHeaderTest, RejectsOverlapsHolesAndLeftovers) {
  EXPECT_THAT(ParseWith("[12,16]", "[8,12]", 12),
              FailsWith("tensor \"b\": found data at 8, expected it at 12 (tensors overlap"));
  EXPECT_THAT(ParseWith("[12,16]", "[16,20]", 20),
              FailsWith("tensor \"b\": found data at 16, expected it at 12 (a hole"));
  EXPECT_THAT(ParseHeader(kTwo, 20), FailsWith("found 20 bytes of data, expected 16"));
}

TEST(SafetensorsHeaderTest, BoundsDepth) {
  EXPECT_THAT(ParseHeader("{\"a\":" + std::string(1'000'000, '['), 0),
              FailsWith("found an array, expected an object"));
}

TEST(SafetensorsHeaderTest, NamesAreShownOnOneLine) {
  EXPECT_THAT(ParseHeader(R"({"a\nb":1})", 0), FailsWith("tensor \"a\\x0ab\""));
}

// Whatever happens to a byte, the answer is an error or a header whose tensors lie inside the file.
TEST(SafetensorsHeaderTest, SurvivesEveryTruncationAndEveryFlippedBit) {
  const std::string good = File(kTwo, 16);
  const auto check = [](const std::string& bytes) {
    const absl::StatusOr<SafetensorsHeader> header = ParseHeader(bytes);
    if (!header.ok()) return;
    for (const auto& [name, entry] : header->tensors) {
      EXPECT_LE(header->data_begin + entry.end, bytes.size()) << name;
    }
  };
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(ParseHeader(good.substr(0, length)).ok()) << length;
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    check(bad);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    for (int i = 0; i < 3; ++i)
      bad[random() % (bad.size() - 16)] = "{}[],:\"0129eE-. \\aF"[random() % 19];
    check(bad);
  }
}

TEST(SafetensorsHeaderTest, LaysOutWiderDtypesFirstAndAligned) {
  SafetensorsHeader header;
  header.tensors["a"] = {at::kHalf, {1}, 0, 0};
  header.tensors["b"] = {at::kDouble, {1}, 0, 0};
  std::vector<std::string> order;
  const std::string bytes = LayOutSafetensorsHeader(header, order);
  EXPECT_THAT(order, ::testing::ElementsAre("b", "a"));
  EXPECT_EQ(header.tensors["a"].begin, 8U);
  EXPECT_EQ(bytes.size(), header.data_begin);
  EXPECT_EQ(bytes.size() % 8, 0U);
  EXPECT_TRUE(ParseHeader(bytes + std::string(10, '\0')).ok());
}

}  // namespace
}  // namespace draftp
