#include "draftp/io/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest, with gzip's header
constexpr size_t kChunk = 64 << 10;

class Inflater {
 public:
  Inflater() : ready_(inflateInit2(&stream_, kGzipWindow) == Z_OK) {}
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
  bool ready_;
};

}  // namespace

bool IsGzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

absl::StatusOr<std::string> Gunzip(const std::string& source, std::string_view bytes,
                                   int64_t max_bytes) {
  const auto error = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(source, 4096), ": ", what));
  };
  Inflater inflater;
  if (!inflater.ready()) return absl::ResourceExhaustedError("gzip: out of memory");
  z_stream& stream = inflater.stream();
  std::string out, chunk(kChunk, '\0');
  for (;;) {
    const size_t given = std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max());
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(given);
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(kChunk);
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_BUF_ERROR) return error("found a cut gzip file, expected a whole one");
    if (result != Z_OK && result != Z_STREAM_END) return error("found a damaged gzip file");
    out.append(chunk, 0, kChunk - stream.avail_out);
    if (out.size() > static_cast<size_t>(max_bytes)) {
      return error(
          absl::StrCat("found more than ", max_bytes, " bytes behind gzip, expected at most that"));
    }
    bytes.remove_prefix(given - stream.avail_in);
    if (result == Z_OK) continue;
    if (bytes.empty()) return out;
    if (!IsGzip(bytes)) return error("found bytes behind the end of a gzip file");
    inflateReset(&stream);
  }
}

}  // namespace draftp
