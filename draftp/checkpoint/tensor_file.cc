#include "draftp/checkpoint/tensor_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "draftp/checkpoint/file_mapping.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/torch_file.h"

namespace draftp {
namespace {

// No byte 8 of what torch.save writes is a brace, and safetensors' JSON begins with one there.
bool IsSafetensors(std::string_view head) {
  return (head.size() > 8 && head[8] == '{') || head.starts_with("version https://git-lfs");
}

bool IsTorch(std::string_view head) {
  return head.starts_with("PK") || (head.size() > 1 && head[0] == '\x80' && head[1] <= '\x05');
}

}  // namespace

bool HasTorchExtension(const std::string& path) {
  constexpr std::array<std::string_view, 4> kExtensions = {".bin", ".ckpt", ".pt", ".pth"};
  return std::any_of(kExtensions.begin(), kExtensions.end(), [&path](std::string_view extension) {
    return path.size() > extension.size() && path.ends_with(extension);
  });
}

absl::StatusOr<std::shared_ptr<const TensorFile>> OpenTensorFile(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const FileMapping>> mapping = FileMapping::Map(path);
  if (!mapping.ok()) return mapping.status();
  const std::span<const std::byte> bytes = (*mapping)->bytes();
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 64));
  if (!IsSafetensors(head) && (IsTorch(head) || HasTorchExtension(path)))
    return TorchFile::Of(path, *std::move(mapping));
  return SafetensorsFile::Of(path, *std::move(mapping));
}

}  // namespace draftp
