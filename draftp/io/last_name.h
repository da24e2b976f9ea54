// What a file or folder is called where people read it.
#ifndef DRAFTP_IO_LAST_NAME_H_
#define DRAFTP_IO_LAST_NAME_H_

#include <filesystem>
#include <string>

namespace draftp {

// The last name of a path, with or without a slash behind it.
inline std::string LastName(const std::string& path) {
  return std::filesystem::path(path + "/").lexically_normal().parent_path().filename().string();
}

}  // namespace draftp

#endif  // DRAFTP_IO_LAST_NAME_H_
