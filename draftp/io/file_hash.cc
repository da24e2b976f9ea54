#include "draftp/io/file_hash.h"

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <nettle/sha2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

constexpr int64_t kSmall = int64_t{1} << 20;  // bytes
constexpr size_t kDigits = 2 * SHA256_DIGEST_SIZE;

std::string Digest(sha256_ctx& context) {
  std::string digest(SHA256_DIGEST_SIZE, '\0');
  sha256_digest(&context, digest.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return absl::BytesToHexString(digest);
}

std::string Time(const timespec& time) { return absl::StrCat(time.tv_sec, ".", time.tv_nsec); }

// What a remembered line begins with: all that changes when the contents do.
std::string Stamp(const struct stat& file) {
  return absl::StrCat(file.st_size, " ", Time(file.st_mtim), " ", Time(file.st_ctim), " ");
}

bool IsDigest(const std::string& text) {
  return text.size() == kDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool Settled(const struct stat& file) {
  const std::time_t now = std::time(nullptr);
  return file.st_mtim.tv_sec + 2 < now && file.st_ctim.tv_sec + 2 < now;
}

}  // namespace

std::string Sha256OfText(std::string_view text) {
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, text.size(), reinterpret_cast<const uint8_t*>(text.data()));
  return Digest(context);
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path, const std::atomic<bool>* stop,
                                         int64_t begin) {
  const absl::StatusOr<OpenedFile> file = OpenRegularFile(path);
  if (!file.ok()) return file.status();
  const absl::Cleanup closer = [&file] { close(file->descriptor); };
  if (lseek(file->descriptor, begin, SEEK_SET) < 0)
    return absl::ErrnoToStatus(errno, absl::StrCat(Printable(path, 4096), ": can't read"));
  sha256_ctx context;
  sha256_init(&context);
  std::vector<uint8_t> buffer(size_t{1} << 20);
  for (;;) {
    if (stop != nullptr && *stop) return absl::CancelledError("hashing was stopped");
    const ssize_t count = read(file->descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return absl::ErrnoToStatus(errno, absl::StrCat(Printable(path, 4096), ": can't read"));
    if (count == 0) break;
    sha256_update(&context, static_cast<size_t>(count), buffer.data());
  }
  return Digest(context);
}

std::string HashCacheFolder() {
  const auto absolute = [](const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
  };
  if (const std::string cache = absolute("XDG_CACHE_HOME"); !cache.empty())
    return cache + "/draftp/hashes";
  const std::string home = absolute("HOME");
  return home.empty() ? "" : home + "/.cache/draftp/hashes";
}

absl::StatusOr<std::string> RememberedSha256(const std::string& path, const std::string& cache,
                                             const std::atomic<bool>* stop) {
  struct stat before, after;
  if (cache.empty() || stat(path.c_str(), &before) != 0 || before.st_size < kSmall)
    return Sha256OfFile(path, stop);
  const std::string remembered = absl::StrCat(cache, "/", before.st_dev, "-", before.st_ino);
  const std::string stamp = Stamp(before);
  if (const auto line = ReadFile(remembered, 1024); line.ok() && absl::StartsWith(*line, stamp)) {
    const std::string hash = line->substr(stamp.size());
    if (IsDigest(hash)) return hash;
  }
  auto hash = Sha256OfFile(path, stop);
  const bool same = stat(path.c_str(), &after) == 0 && Stamp(after) == stamp;
  if (!hash.ok() || !same || !Settled(after)) return hash;
  std::error_code error;
  std::filesystem::create_directories(cache, error);
  if (!error) WriteFileAtomically(remembered, stamp + *hash).IgnoreError();
  return hash;
}

}  // namespace draftp
