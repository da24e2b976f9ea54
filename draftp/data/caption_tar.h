// Captions from webdataset shards.
#ifndef DRAFTP_DATA_CAPTION_TAR_H_
#define DRAFTP_DATA_CAPTION_TAR_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/data/caption_list.h"

namespace draftp {

// The captions of a tar archive (io/tar_reader.h) in its order: members FOLDER/KEY.txt or
// KEY.caption, where KEY is what stands before the base name's first dot and isn't empty, so
// KEY.seg.txt and .txt are none; "TXT" counts as well. A byte-order mark and one line end at the
// end are dropped. In a shard without any, members KEY.json: what CaptionOfObject finds. All other
// members are ignored, links and devices too. Errors name archive and member: TarReader's,
// CaptionList's, a second caption among the members of one key (behind other keys' it counts as
// another), a KEY.json that is to have a caption and hasn't, no caption at all.
absl::StatusOr<CaptionSet> ReadCaptionTar(const std::string& path, EmptyCaptions empty);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_TAR_H_
