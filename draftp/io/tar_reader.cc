// libarchive under limits: tar alone, one gzip at most, and the end marker must be there.
#include "draftp/io/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <unistd.h>

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

constexpr int64_t kBlock = 512;
constexpr int64_t kMaxUnzippedBytes = int64_t{16} << 30;

// While it lives, this thread's characters are UTF-8: libarchive gives up names of pax archives
// that the locale can't express.
class Utf8Locale {
 public:
  Utf8Locale() {
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 != nullptr) before_ = uselocale(utf8);
  }
  ~Utf8Locale() {
    if (before_ != nullptr) uselocale(before_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t before_ = nullptr;
};

// What libarchive said last.
std::string Reason(archive* opened) {
  const char* text = archive_error_string(opened);
  return text == nullptr ? "an unknown error" : Printable(text, 300);
}

}  // namespace

void TarReader::Closer::operator()(archive* opened) const { archive_read_free(opened); }

TarReader::TarReader(std::string source, int descriptor)
    : source_(std::move(source)), descriptor_(descriptor), archive_(archive_read_new()) {}

TarReader::TarReader(TarReader&& other) noexcept
    : source_(std::move(other.source_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      archive_(std::move(other.archive_)),
      member_(std::move(other.member_)),
      passed_over_(other.passed_over_) {}

TarReader& TarReader::operator=(TarReader&& other) noexcept {
  std::swap(source_, other.source_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(archive_, other.archive_);
  std::swap(member_, other.member_);
  std::swap(passed_over_, other.passed_over_);
  return *this;
}

TarReader::~TarReader() {
  archive_.reset();
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status TarReader::Damaged(std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(Printable(source_, 4096), ": found ",
                                                 absl::string_view(what.data(), what.size()),
                                                 ", expected a whole tar archive"));
}

absl::Status TarReader::Begin(int result) {
  if (result != ARCHIVE_OK) {
    return Damaged(absl::StrCat("no tar archive (", Reason(archive_.get()), ")"));
  }
  if (archive_filter_count(archive_.get()) > 2) {  // gzip and the file
    return Damaged("several layers of compression");
  }
  return absl::OkStatus();
}

absl::StatusOr<TarReader> TarReader::Open(const std::string& path) {
  const absl::StatusOr<OpenedFile> file = OpenRegularFile(path);
  if (!file.ok()) return file.status();
  TarReader reader(path, file->descriptor);
  archive* const opened = reader.archive_.get();
  archive_read_support_filter_gzip(opened);
  archive_read_support_format_tar(opened);
  constexpr size_t kBuffer = 64 << 10;
  const absl::Status status = reader.Begin(archive_read_open_fd(opened, file->descriptor, kBuffer));
  if (!status.ok()) return status;
  return reader;
}

absl::StatusOr<TarReader> TarReader::OpenMemory(const std::string& source, std::string_view bytes) {
  TarReader reader(source, -1);
  archive* const opened = reader.archive_.get();
  archive_read_support_filter_gzip(opened);
  archive_read_support_format_tar(opened);
  const absl::Status status =
      reader.Begin(archive_read_open_memory(opened, bytes.data(), bytes.size()));
  if (!status.ok()) return status;
  return reader;
}

// libarchive takes a file that ends after a member for whole.
absl::Status TarReader::CheckEnd() const {
  const int64_t end = archive_read_header_position(archive_.get());
  if (archive_filter_bytes(archive_.get(), 0) - end >= kBlock) return absl::OkStatus();
  return Damaged(absl::StrCat("its end after ", end, " bytes without the mark of an end"));
}

absl::StatusOr<std::optional<TarMember>> TarReader::Next() {
  const Utf8Locale utf8;
  archive* const opened = archive_.get();
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(opened, &entry);
    if (result == ARCHIVE_EOF) {
      if (absl::Status status = CheckEnd(); !status.ok()) return status;
      return std::nullopt;
    }
    if (result != ARCHIVE_OK) {
      return Damaged(absl::StrCat("damage after member ", Quoted(member_.name, 300), " (",
                                  Reason(opened), ")"));
    }
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) {
      return Damaged(absl::StrCat("a member without a name after ", Quoted(member_.name, 300)));
    }
    const int64_t size = archive_entry_size(entry);
    if (size < 0) {  // sparse members claim any
      return Damaged(absl::StrCat("member ", Quoted(name, 300), " of ", size, " bytes"));
    }
    if (archive_filter_count(opened) > 1 &&
        (size > kMaxUnzippedBytes || archive_filter_bytes(opened, 0) > kMaxUnzippedBytes - size)) {
      return Damaged(absl::StrCat("more than ", kMaxUnzippedBytes, " bytes behind gzip"));
    }
    const auto type = archive_entry_filetype(entry);
    const bool link = archive_entry_hardlink(entry) != nullptr;
    if (type != AE_IFREG || link) {
      passed_over_ += type != AE_IFDIR || link;
      continue;
    }
    member_ = {name, size};
    return member_;
  }
}

absl::StatusOr<std::string> TarReader::Read(int64_t max_bytes) {
  if (member_.size > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(source_, 4096), ": member ", Quoted(member_.name, 300), ": found ",
                     member_.size, " bytes, expected at most ", max_bytes));
  }
  std::string contents(static_cast<size_t>(member_.size), '\0');
  size_t filled = 0;
  while (filled < contents.size()) {
    const la_ssize_t got =
        archive_read_data(archive_.get(), contents.data() + filled, contents.size() - filled);
    if (got <= 0) {
      return Damaged(absl::StrCat("member ", Quoted(member_.name, 300), " cut short of its ",
                                  contents.size(), " bytes"));
    }
    filled += static_cast<size_t>(got);
  }
  return contents;
}

}  // namespace draftp
