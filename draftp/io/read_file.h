// Reads a whole file of bounded size, and opens regular files only.
#ifndef DRAFTP_IO_READ_FILE_H_
#define DRAFTP_IO_READ_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace draftp {

// An open descriptor of a regular file and its size; whoever gets it closes it.
struct OpenedFile {
  int descriptor;
  int64_t size;  // bytes
};

// Opens for reading. Errors: absent, unreadable, a folder or another thing that isn't a plain file
// (a pipe is refused instead of waited for).
absl::StatusOr<OpenedFile> OpenRegularFile(const std::string& path);

// The bytes of a regular file; an error when there are more than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes);

// Whether `path` is what can be read once, in order: standard input or another descriptor that the
// shell has opened (/dev/fd/63 of `<(command)`), where a pipe or a terminal is behind it. Not a
// pipe in a folder, which may never have a writer.
bool IsStream(const std::string& path);

// ReadFile, which also takes a stream and waits for its end.
absl::StatusOr<std::string> ReadFileOrStream(const std::string& path, int64_t max_bytes);

}  // namespace draftp

#endif  // DRAFTP_IO_READ_FILE_H_
