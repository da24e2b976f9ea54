#include "draftp/pipeline/file_hash.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nettle/sha2.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace draftp {

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  sha256_ctx context;
  sha256_init(&context);
  std::vector<uint8_t> buffer(size_t{1} << 20);
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    sha256_update(&context, count, buffer.data());
  }
  if (std::ferror(file.get()))
    return absl::DataLossError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::string digest(SHA256_DIGEST_SIZE, '\0');
  sha256_digest(&context, digest.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return absl::BytesToHexString(digest);
}

}  // namespace draftp
