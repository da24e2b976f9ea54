// Paths as the user meant them: relative to the folder in which the command was typed.
#ifndef DRAFTP_CONFIG_CONFIG_PATH_H_
#define DRAFTP_CONFIG_CONFIG_PATH_H_

#include <string>

#include "absl/status/statusor.h"

namespace draftp {

// The folder in which the user typed the command: BUILD_WORKING_DIRECTORY, which `bazel run` sets
// because it changes the folder itself, else the current one. Absolute. An error where either was
// removed: libraries, too, need a current folder.
absl::StatusOr<std::string> UserFolder();

// `path` itself if absolute or empty, else `base/path`; `.`, `..` and double slashes resolved as
// text. A `~` that the shell has left (`--flag=~/x`) is $HOME. `embedded` and `embedded:...` name
// the embedded model's folder and what lies in it: they stay as they are. `-` is /dev/stdin.
//
//   AbsolutePath("../lora", "/home/me/runs") == "/home/me/lora"
std::string AbsolutePath(const std::string& path, const std::string& base);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_PATH_H_
