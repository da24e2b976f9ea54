// Gzip by zlib's own writer, whole and damaged.
#include "draftp/io/gunzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(GunzipTest, GivesWhatWasWritten) {
  std::string large(300'000, 'x');
  for (size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>(i * i);
  for (const std::string& text : {std::string(), std::string("a\nb"), large}) {
    const std::string packed = Gzip(text);
    EXPECT_TRUE(IsGzip(packed));
    EXPECT_EQ(*Gunzip("a.gz", packed, 1 << 20), text);
  }
  EXPECT_EQ(*Gunzip("a.gz", Gzip("a") + Gzip("b"), 2), "ab");
}

TEST(GunzipTest, RefusesDamageByName) {
  const std::string packed = Gzip("some text");
  for (size_t length = 0; length < packed.size(); ++length)
    EXPECT_THAT(Gunzip("a.gz", packed.substr(0, length), 100), FailsWith("a.gz: found a "));
  std::string changed = packed;
  changed[packed.size() - 6] ^= 1;  // of the checksum
  EXPECT_THAT(Gunzip("a.gz", changed, 100), FailsWith("a.gz: found a damaged gzip file"));
  EXPECT_THAT(Gunzip("a.gz", packed + "x", 100), FailsWith("found bytes behind"));
  EXPECT_THAT(Gunzip("a.gz", Gzip(std::string(101, 'a')), 100), FailsWith("more than 100 bytes"));
}

TEST(GunzipTest, KnowsTheMark) {
  EXPECT_FALSE(IsGzip("a"));
  EXPECT_FALSE(IsGzip("\x1f"));
}

}  // namespace
}  // namespace draftp
