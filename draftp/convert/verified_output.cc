#include "draftp/convert/verified_output.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <filesystem>
#include <system_error>

#include "draftp/io/atomic_folder.h"
#include "draftp/io/last_name.h"
#include "draftp/io/printable.h"

namespace draftp {

absl::Status WriteThenVerify(const std::string& out, const PathAction& write,
                             const PathAction& verify) {
  const auto folder = AtomicFolder::Create(out);
  if (!folder.ok()) return folder.status();
  const std::string path = absl::StrCat(folder->path(), "/", LastName(out));
  absl::Status status = write(path);
  if (status.ok()) status = verify(path);
  if (!status.ok()) {
    return {status.code(),
            absl::StrReplaceAll(status.message(), {{Printable(path, 4096), Printable(out, 4096)}})};
  }
  std::error_code error;
  std::filesystem::rename(path, out, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(Printable(out, 4096), ": can't rename: ", error.message()));
}

}  // namespace draftp
