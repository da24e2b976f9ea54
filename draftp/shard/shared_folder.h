// Whether all ranks see one folder.
#ifndef DRAFTP_SHARD_SHARED_FOLDER_H_
#define DRAFTP_SHARD_SHARED_FOLDER_H_

#include <absl/status/status.h>

#include <string>

#include "draftp/shard/world.h"

namespace draftp {

// InvalidArgument where other ranks don't see the folder `dir` (rank 0's; theirs isn't looked at)
// as rank 0 has it: a hidden file that it makes there, and removes. They look for some seconds,
// since network file systems show new files late.
//
// `root` begins the path on this rank: for tests.
absl::Status CheckFolderIsShared(const std::string& dir, World& world, const std::string& root = "",
                                 double patience_seconds = 10);

}  // namespace draftp

#endif  // DRAFTP_SHARD_SHARED_FOLDER_H_
