// Resolution of user paths.
#include "draftp/config/config_path.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {

absl::StatusOr<std::string> UserFolder() {
  std::error_code error;
  const std::string current = std::filesystem::current_path(error).string();
  if (error) {
    return absl::NotFoundError(absl::StrCat("the working folder can't be found (", error.message(),
                                            "), expected one that is there"));
  }
  const char* const typed_in = std::getenv("BUILD_WORKING_DIRECTORY");
  if (typed_in == nullptr || typed_in[0] != '/') return current;
  if (std::filesystem::is_directory(typed_in, error)) return typed_in;
  return absl::NotFoundError(absl::StrCat("BUILD_WORKING_DIRECTORY: found ", Quoted(typed_in, 4096),
                                          ", expected a folder"));
}

std::string AbsolutePath(const std::string& path, const std::string& base) {
  if (path == "-") return "/dev/stdin";
  if (path.empty() || path == "embedded" || path.starts_with("embedded:")) return path;
  const char* const home = std::getenv("HOME");
  const bool at_home = (path == "~" || path.starts_with("~/")) && home != nullptr && home[0] == '/';
  const std::filesystem::path whole =
      at_home ? std::filesystem::path(home + path.substr(1)) : std::filesystem::path(base) / path;
  const std::string normal = whole.lexically_normal().string();
  return normal.size() > 1 && normal.back() == '/' ? normal.substr(0, normal.size() - 1) : normal;
}

}  // namespace draftp
