// Walks the central directory, and unpacks single entries by zlib.
#include "draftp/checkpoint/zip_directory.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr uint64_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kCentralSize = 46,
                   kLocalSize = 30;
constexpr uint32_t kEndSignature = 0x06054b50, kEnd64Signature = 0x06064b50,
                   kLocatorSignature = 0x07064b50, kCentralSignature = 0x02014b50,
                   kLocalSignature = 0x04034b50;
constexpr uint64_t kNo16 = 0xffff, kNo32 = 0xffffffff;  // the number stands in 64 bits elsewhere
constexpr unsigned kEncrypted = 1;                      // a flag's bit
constexpr unsigned kStore = 0, kDeflate = 8;            // methods

absl::Status Error(const std::string& what) { return absl::InvalidArgumentError(what); }

// Little-endian numbers at places that have been checked.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t size() const { return bytes_.size(); }
  bool Has(uint64_t at, uint64_t count) const { return at <= size() && count <= size() - at; }
  uint64_t Number(uint64_t at, size_t width) const {
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at, width);
    return value;
  }
  uint64_t U16(uint64_t at) const { return Number(at, 2); }
  uint64_t U32(uint64_t at) const { return Number(at, 4); }
  uint64_t U64(uint64_t at) const { return Number(at, 8); }
  std::string_view Text(uint64_t at, uint64_t count) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, count};
  }

 private:
  std::span<const std::byte> bytes_;
};

// The central directory: its entries' number and place.
struct Central {
  uint64_t count, begin, size;
};

std::optional<uint64_t> FindEnd(const Bytes& file) {
  if (file.size() < kEndSize) return std::nullopt;
  const uint64_t last = file.size() - kEndSize;
  const uint64_t first = last - std::min<uint64_t>(last, kNo16);
  for (uint64_t at = last;; --at) {
    if (file.U32(at) == kEndSignature && at + kEndSize + file.U16(at + 20) == file.size())
      return at;
    if (at == first) return std::nullopt;
  }
}

absl::StatusOr<Central> FindCentral(const Bytes& file) {
  const std::optional<uint64_t> end = FindEnd(file);
  if (!end) return Error("found no end of a zip archive, expected a whole one (is it cut?)");
  Central central = {file.U16(*end + 10), file.U32(*end + 16), file.U32(*end + 12)};
  bool one_disk = file.U16(*end + 4) % kNo16 == 0 && file.U16(*end + 6) % kNo16 == 0;
  uint64_t limit = *end;
  if (central.count == kNo16 || central.begin == kNo32 || central.size == kNo32) {
    if (*end < kLocatorSize || file.U32(*end - kLocatorSize) != kLocatorSignature)
      return Error("found no 64-bit end of the zip archive, expected one before its end");
    const uint64_t end64 = file.U64(*end - kLocatorSize + 8);
    if (!file.Has(end64, kEnd64Size) || end64 > *end - kLocatorSize ||
        file.U32(end64) != kEnd64Signature) {
      return Error(absl::StrCat("found no 64-bit end of the zip archive at byte ", end64,
                                ", expected it there"));
    }
    central = {file.U64(end64 + 32), file.U64(end64 + 48), file.U64(end64 + 40)};
    one_disk = one_disk && file.U32(end64 + 16) == 0 && file.U32(end64 + 20) == 0;
    limit = end64;
  }
  if (!one_disk) return Error("found a zip archive of several disks, expected one of one");
  if (central.begin > limit || central.size > limit - central.begin) {
    return Error(absl::StrCat("found a zip directory of ", central.size, " bytes at byte ",
                              central.begin, ", expected it before byte ", limit));
  }
  if (central.count > central.size / kCentralSize) {
    return Error(absl::StrCat("found ", central.count, " zip entries in a directory of ",
                              central.size, " bytes, expected ", kCentralSize,
                              " bytes at least for each"));
  }
  return central;
}

// Puts 64-bit numbers of the extra field [at, at + size) in place of those that point there, which
// it has in this order.
bool Widen(const Bytes& file, uint64_t at, uint64_t size, std::span<uint64_t*> numbers) {
  constexpr uint64_t kWide = 1;
  const uint64_t end = at + size;
  auto number = numbers.begin();
  const auto skip = [&] {
    while (number != numbers.end() && **number != kNo32) ++number;
    return number == numbers.end();
  };
  if (skip()) return true;
  while (end - at >= 4) {
    const uint64_t kind = file.U16(at), length = file.U16(at + 2);
    at += 4;
    if (length > end - at) return false;
    if (kind == kWide) {
      for (uint64_t left = length; !skip(); left -= 8, at += 8) {
        if (left < 8) return false;
        **number++ = file.U64(at);
      }
      return true;
    }
    at += length;
  }
  return false;
}

class DirectoryReader {
 public:
  DirectoryReader(const Bytes& file, const Central& central) : file_(file), central_(central) {}

  absl::StatusOr<ZipDirectory> Read() {
    uint64_t at = central_.begin;
    for (uint64_t i = 0; i < central_.count; ++i) {
      if (absl::Status added = Add(at); !added.ok()) return added;
    }
    if (absl::Status checked = CheckTogether(); !checked.ok()) return checked;
    return std::move(directory_);
  }

 private:
  struct Span {
    uint64_t begin, end;
    std::string name;
  };

  // Reads one entry and moves `at` behind it.
  absl::Status Add(uint64_t& at) {
    const uint64_t end = central_.begin + central_.size;
    const auto fits = [&](uint64_t count) { return count <= end - at; };
    if (!fits(kCentralSize) || file_.U32(at) != kCentralSignature)
      return Error(absl::StrCat("found no zip entry at byte ", at, ", expected one"));
    const uint64_t name_size = file_.U16(at + 28), extra_size = file_.U16(at + 30);
    const uint64_t total = kCentralSize + name_size + extra_size + file_.U16(at + 32);
    if (!fits(total)) {
      return Error(absl::StrCat("found a zip entry of ", total, " bytes at byte ", at,
                                ", expected it to end at byte ", end));
    }
    const std::string name(file_.Text(at + kCentralSize, name_size));
    ZipEntry entry{.stored = file_.U32(at + 20),
                   .size = file_.U32(at + 24),
                   .crc = static_cast<uint32_t>(file_.U32(at + 16))};
    uint64_t header = file_.U32(at + 42);
    std::array<uint64_t*, 3> numbers = {&entry.size, &entry.stored, &header};
    if (!Widen(file_, at + kCentralSize + name_size, extra_size, numbers))
      return Bad(name, "no 64-bit size or place", "both in its extra field");
    const uint64_t flags = file_.U16(at + 8), method = file_.U16(at + 10);
    at += total;
    if (flags & kEncrypted) return Bad(name, "it encrypted", "plain data");
    if (method != kStore && method != kDeflate) {
      return Bad(name, absl::StrCat("compression method ", method), "0 (stored) or 8 (deflated)");
    }
    entry.deflated = method == kDeflate;
    if (!entry.deflated && entry.size != entry.stored) {
      return Bad(name, absl::StrCat(entry.stored, " bytes stored of ", entry.size), "one size");
    }
    return Place(name, header, entry);
  }

  // Finds the data behind the local header.
  absl::Status Place(const std::string& name, uint64_t header, ZipEntry entry) {
    if (header > central_.begin || kLocalSize > central_.begin - header ||
        file_.U32(header) != kLocalSignature) {
      return Bad(name, absl::StrCat("no header at byte ", header), "one before the directory");
    }
    const uint64_t name_size = file_.U16(header + 26);
    entry.begin = header + kLocalSize + name_size + file_.U16(header + 28);
    if (entry.begin > central_.begin || entry.stored > central_.begin - entry.begin) {
      return Bad(name, absl::StrCat(entry.stored, " bytes at byte ", entry.begin),
                 absl::StrCat("them before the directory at byte ", central_.begin));
    }
    if (file_.Text(header + kLocalSize, name_size) != name)
      return Bad(name, "another name in its header", "the same");
    spans_.push_back({header, entry.begin + entry.stored, name});
    if (name.ends_with('/')) return absl::OkStatus();
    if (!directory_.emplace(name, entry).second) return Bad(name, "it twice", "it once");
    return absl::OkStatus();
  }

  absl::Status CheckTogether() {
    std::sort(spans_.begin(), spans_.end(),
              [](const Span& a, const Span& b) { return a.begin < b.begin; });
    uint64_t covered = 0;
    for (const Span& span : spans_) {
      if (span.begin < covered)
        return Bad(span.name, "it inside another entry", "entries one after the other");
      covered = span.end;
    }
    const uint64_t allowed = file_.size() > (std::numeric_limits<uint64_t>::max() >> 10)
                                 ? std::numeric_limits<uint64_t>::max()
                                 : kZipGrowthFree + kZipGrowth * file_.size();
    uint64_t left = allowed;
    for (const auto& [name, entry] : directory_) {
      if (!entry.deflated) continue;
      if (entry.size > left) {
        return Bad(name, absl::StrCat(entry.size, " bytes when unpacked"),
                   absl::StrCat("at most ", allowed, " for all entries of a file of this size"));
      }
      left -= entry.size;
    }
    return absl::OkStatus();
  }

  static absl::Status Bad(const std::string& name, const std::string& found,
                          const std::string& expected) {
    return Error(
        absl::StrCat("zip entry ", Quoted(name), ": found ", found, ", expected ", expected));
  }

  const Bytes& file_;
  const Central central_;
  ZipDirectory directory_;
  std::vector<Span> spans_;
};

}  // namespace

absl::StatusOr<ZipDirectory> ReadZipDirectory(std::span<const std::byte> archive) {
  const Bytes file(archive);
  const absl::StatusOr<Central> central = FindCentral(file);
  if (!central.ok()) return central.status();
  return DirectoryReader(file, *central).Read();
}

absl::Status InflateZipEntry(std::span<const std::byte> archive, const ZipEntry& entry,
                             std::span<std::byte> data) {
  z_stream stream = {};
  constexpr int kRawDeflate = -MAX_WBITS;
  if (inflateInit2(&stream, kRawDeflate) != Z_OK)
    return absl::ResourceExhaustedError("can't unpack: out of memory");
  constexpr uint64_t kStep = uint64_t{1} << 30;  // zlib counts in 32 bits
  const std::byte* const in = archive.data() + entry.begin;
  uint64_t read = 0, written = 0, crc = 0;
  int result = Z_OK;
  std::byte beyond = {};  // takes the first byte too many, so that it is noticed
  while (result == Z_OK) {
    const uint64_t in_step = std::min(kStep, entry.stored - read);
    const uint64_t out_step = std::min(kStep, data.size() - written);
    std::byte* const out = out_step == 0 ? &beyond : data.data() + written;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in + read));
    stream.avail_in = static_cast<uInt>(in_step);
    stream.next_out = reinterpret_cast<Bytef*>(out);
    stream.avail_out = static_cast<uInt>(std::max<uint64_t>(out_step, 1));
    result = inflate(&stream, Z_NO_FLUSH);
    const uint64_t got = std::max<uint64_t>(out_step, 1) - stream.avail_out;
    read += in_step - stream.avail_in;
    written += got;
    if (out_step == 0 && got > 0) break;
    crc =
        crc32(static_cast<uLong>(crc), reinterpret_cast<const Bytef*>(out), static_cast<uInt>(got));
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END || written != data.size() || read != entry.stored) {
    return Error(absl::StrCat("found data that don't unpack to ", data.size(),
                              " bytes, expected those of the zip directory"));
  }
  if (crc != entry.crc) return Error("found data whose CRC isn't that of the zip directory");
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadZipEntry(std::span<const std::byte> archive, const ZipEntry& entry,
                                         uint64_t max_bytes) {
  if (entry.size > max_bytes)
    return Error(absl::StrCat("found ", entry.size, " bytes, expected at most ", max_bytes));
  if (!entry.deflated) return std::string(Bytes(archive).Text(entry.begin, entry.stored));
  std::string data(entry.size, '\0');
  if (absl::Status status =
          InflateZipEntry(archive, entry, std::as_writable_bytes(std::span(data)));
      !status.ok()) {
    return status;
  }
  return data;
}

}  // namespace draftp
