// The index of a file that torch.save wrote: what tensors it has and where their data lie.
//
// Two formats. Since PyTorch 1.6, a zip archive of NAME/data.pkl and a stored entry for each
// storage, NAME/data/KEY. Before, pickles one after the other (a magic number, a version, the
// system, the object, the storages' keys), then each storage's number of elements and its data.
#ifndef DRAFTP_CHECKPOINT_TORCH_INDEX_H_
#define DRAFTP_CHECKPOINT_TORCH_INDEX_H_

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/torch_tensors.h"
#include "draftp/checkpoint/zip_directory.h"

namespace draftp {

struct TorchEntry {
  TorchTensor tensor;
  ZipEntry data;  // of the whole storage; in the old format, too
};

struct TorchIndex {
  std::map<std::string, TorchEntry> tensors;
  std::map<std::string, std::string> others;  // names of what are no tensors, and what it is
};

// Reads the index of the file whose bytes are `file`; `path` is for messages. No object of the
// pickle is built and no code of it runs. Checked: the archive (zip_directory.h), the pickle's
// limits (pickle.h), that every tensor lies inside its storage (torch_tensors.h), that every
// storage of a tensor is in the file with the size that the pickle says, and that numbers are
// little-endian.
absl::StatusOr<TorchIndex> ParseTorchIndex(const std::string& path,
                                           std::span<const std::byte> file);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_TORCH_INDEX_H_
