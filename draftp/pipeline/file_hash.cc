#include "draftp/pipeline/file_hash.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nettle/sha2.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  const absl::StatusOr<OpenedFile> file = OpenRegularFile(path);
  if (!file.ok()) return file.status();
  const absl::Cleanup closer = [&file] { close(file->descriptor); };
  sha256_ctx context;
  sha256_init(&context);
  std::vector<uint8_t> buffer(size_t{1} << 20);
  for (;;) {
    const ssize_t count = read(file->descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return absl::ErrnoToStatus(errno, absl::StrCat(Printable(path, 4096), ": can't read"));
    if (count == 0) break;
    sha256_update(&context, static_cast<size_t>(count), buffer.data());
  }
  std::string digest(SHA256_DIGEST_SIZE, '\0');
  sha256_digest(&context, digest.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return absl::BytesToHexString(digest);
}

}  // namespace draftp
