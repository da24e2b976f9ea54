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
  if (path.empty()) return path;
  const std::filesystem::path whole = std::filesystem::path(base) / path;
  const std::string normal = whole.lexically_normal().string();
  return normal.size() > 1 && normal.back() == '/' ? normal.substr(0, normal.size() - 1) : normal;
}

}  // namespace draftp
