#include "draftp/checkpoint/zip_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "draftp/checkpoint/test_torch_files.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Bytes;
using testing::FailsWith;
using testing::Zip;
using testing::ZipItem;

absl::StatusOr<ZipDirectory> ReadZip(const std::string& file) {
  return ReadZipDirectory(std::as_bytes(std::span(file)));
}

absl::StatusOr<std::string> ReadZipItem(const std::string& file, const std::string& name,
                                        uint64_t max_bytes = 1000) {
  const absl::StatusOr<ZipDirectory> directory = ReadZip(file);
  if (!directory.ok()) return directory.status();
  return ReadZipEntry(std::as_bytes(std::span(file)), directory->at(name), max_bytes);
}

// Without zlib's frame.
std::string Deflated(const std::string& data) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = data.size();
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = out.size();
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// An archive of one entry, "a", of this data and CRC.
std::string DeflatedZip(const std::string& packed, uint64_t size, const std::string& data) {
  std::string file = Zip({{.name = "a", .data = packed, .method = 8, .size = size}});
  const uint32_t crc = crc32(0, reinterpret_cast<const Bytef*>(data.data()), data.size());
  const size_t central = file.find("PK\x01\x02");
  return file.replace(central + 16, 4, Bytes(crc, 4));
}

TEST(ZipDirectoryTest, FindsStoredEntries) {
  for (const bool wide : {false, true}) {
    const std::string file = Zip({{"x/", ""}, {"x/one", "first"}, {"two", ""}}, wide);
    const absl::StatusOr<ZipDirectory> directory = ReadZip(file);
    ASSERT_TRUE(directory.ok()) << directory.status();
    EXPECT_EQ(directory->size(), 2u) << "folders are left out";
    EXPECT_EQ(file.substr(directory->at("x/one").begin, directory->at("x/one").stored), "first");
    EXPECT_EQ(ReadZipItem(file, "two").value(), "");
  }
}

TEST(ZipDirectoryTest, UnpacksDeflatedEntries) {
  const std::string data(5000, 'x');
  const std::string file = DeflatedZip(Deflated(data), data.size(), data);
  EXPECT_EQ(ReadZipItem(file, "a", 5000).value(), data);
  EXPECT_THAT(ReadZipItem(file, "a", 4999), FailsWith("found 5000 bytes, expected at most 4999"));
}

TEST(ZipDirectoryTest, DeflatedDataMustBeWhatTheDirectorySays) {
  const std::string data(5000, 'x'), packed = Deflated(data);
  for (const uint64_t size : {uint64_t{0}, uint64_t{4999}, uint64_t{5001}, uint64_t{100'000}}) {
    EXPECT_THAT(ReadZipItem(DeflatedZip(packed, size, data), "a", 1'000'000),
                FailsWith("found data that don't unpack to"))
        << size;
  }
  EXPECT_THAT(ReadZipItem(DeflatedZip(packed + "more", data.size(), data), "a", 5000),
              FailsWith("don't unpack"));
  EXPECT_THAT(ReadZipItem(DeflatedZip(packed.substr(0, 5), data.size(), data), "a", 5000),
              FailsWith("don't unpack"));
  EXPECT_THAT(ReadZipItem(DeflatedZip(packed, data.size(), "other"), "a", 5000), FailsWith("CRC"));
}

TEST(ZipDirectoryTest, BombsAreRefusedBeforeTheyAreUnpacked) {
  const uint64_t huge = 0xfffffff0;  // 4 GiB
  EXPECT_THAT(ReadZip(Zip({{.name = "a", .data = "x", .method = 8, .size = huge}})),
              FailsWith("zip entry \"a\": found 4294967280 bytes when unpacked, expected at most"));
  // Together, though each alone is small enough.
  EXPECT_THAT(ReadZip(Zip({{.name = "a", .data = "x", .method = 8, .size = 40 << 20},
                           {.name = "b", .data = "x", .method = 8, .size = 40 << 20}})),
              FailsWith("zip entry \"b\": found 41943040 bytes when unpacked"));
}

TEST(ZipDirectoryTest, EntriesMustNotOverlap) {
  const std::string file = Zip({{"a", "data"}, {.name = "b", .data = "", .local_header = 0}});
  EXPECT_THAT(ReadZip(file), FailsWith("another name in its header"));
  // A second directory entry of the same header.
  EXPECT_THAT(ReadZip(Zip({{"a", "data"}, {.name = "a", .data = "", .local_header = 0}})),
              FailsWith("zip entry \"a\": found it twice"));
  const std::string inner = Zip({{"b", "inside"}});
  const std::string quoted = inner.substr(0, inner.find("PK\x01\x02"));
  EXPECT_THAT(ReadZip(Zip({{"a", quoted}, {.name = "b", .data = "inside", .local_header = 31}})),
              FailsWith("zip entry \"b\": found it inside another entry"));
}

TEST(ZipDirectoryTest, RefusesWhatItCannotRead) {
  const auto one = [](ZipItem item) {
    item.name = "a";
    return ReadZip(Zip({item}));
  };
  EXPECT_THAT(one({.flags = 1}), FailsWith("zip entry \"a\": found it encrypted"));
  EXPECT_THAT(one({.method = 14}), FailsWith("found compression method 14, expected 0"));
  EXPECT_THAT(one({.data = "x", .size = 2}), FailsWith("found 1 bytes stored of 2"));
  EXPECT_THAT(one({.local_name = "b"}), FailsWith("found another name in its header"));
  EXPECT_THAT(one({.local_header = 5}), FailsWith("found no header at byte 5"));
  EXPECT_THAT(one({.local_header = 100'000}), FailsWith("found no header at byte 100000"));
  EXPECT_THAT(ReadZip(Zip({{"a", "1"}, {"a", "2"}})),
              FailsWith("found it twice, expected it once"));
}

TEST(ZipDirectoryTest, AllNumbersOfTheEndAreChecked) {
  const std::string file = Zip({{"a", "data"}});
  const size_t end = file.size() - 22;
  const auto with = [&](size_t at, size_t width, uint64_t value) {
    std::string bad = file;
    return ReadZip(bad.replace(end + at, width, Bytes(value, width)));
  };
  EXPECT_THAT(with(4, 2, 1), FailsWith("several disks"));
  EXPECT_THAT(with(10, 2, 2), FailsWith("found 2 zip entries in a directory of"));
  EXPECT_THAT(with(12, 4, 1000), FailsWith("found a zip directory of 1000 bytes"));
  EXPECT_THAT(with(16, 4, 0), FailsWith("found no zip entry at byte 0"));
  EXPECT_THAT(with(16, 4, 0xffffffff), FailsWith("found no 64-bit end of the zip archive"));
  EXPECT_THAT(with(20, 2, 1), FailsWith("found no end of a zip archive"));
}

TEST(ZipDirectoryTest, EveryCutIsAnError) {
  for (const bool wide : {false, true}) {
    const std::string file = Zip({{"a", "data"}, {"b", "more"}}, wide);
    for (size_t size = 0; size < file.size(); ++size)
      EXPECT_FALSE(ReadZip(file.substr(0, size)).ok()) << size;
    EXPECT_THAT(ReadZip(file.substr(0, 40)), FailsWith("expected a whole one (is it cut?)"));
  }
}

}  // namespace
}  // namespace draftp
