// Resolution of user paths.
#include "draftp/io/config_path.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace draftp {

std::string UserFolder() {
  if (const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
      folder != nullptr && folder[0] == '/') {
    return folder;
  }
  std::error_code error;
  const std::string current = std::filesystem::current_path(error).string();
  return error ? "/" : current;
}

std::string AbsolutePath(const std::string& path, const std::string& base) {
  if (path.empty() || path == "embedded" || path.starts_with("embedded:")) return path;
  const char* const home = std::getenv("HOME");
  const bool at_home = (path == "~" || path.starts_with("~/")) && home != nullptr && home[0] == '/';
  const std::filesystem::path whole =
      at_home ? std::filesystem::path(home + path.substr(1)) : std::filesystem::path(base) / path;
  const std::string normal = whole.lexically_normal().string();
  return normal.size() > 1 && normal.back() == '/' ? normal.substr(0, normal.size() - 1) : normal;
}

}  // namespace draftp
