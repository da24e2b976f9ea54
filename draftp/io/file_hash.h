// SHA-256 of files, as model hubs publish it for weights, remembered from run to run.
#ifndef DRAFTP_IO_FILE_HASH_H_
#define DRAFTP_IO_FILE_HASH_H_

#include <absl/status/statusor.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace draftp {

// 64 lower-case hexadecimal digits (FIPS 180-4).
std::string Sha256OfText(std::string_view text);

// The same of a file's contents from byte `begin` on. Error: it can't be opened or read; Cancelled
// soon after `stop` became true.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path,
                                         const std::atomic<bool>* stop = nullptr,
                                         int64_t begin = 0);

// Where hashes are remembered: $XDG_CACHE_HOME/draftp/hashes, else $HOME/.cache/draftp/hashes;
// empty where neither is an absolute path.
std::string HashCacheFolder();

// Sha256OfFile of a file of at least 1 MiB, taken from `cache` where a file of this device, inode,
// size, mtime and ctime was hashed before, and put there otherwise. A cache that can't be written
// changes nothing. Files that changed within the last two seconds aren't remembered: a further
// change might leave their times as they are.
absl::StatusOr<std::string> RememberedSha256(const std::string& path, const std::string& cache,
                                             const std::atomic<bool>* stop = nullptr);

}  // namespace draftp

#endif  // DRAFTP_IO_FILE_HASH_H_
