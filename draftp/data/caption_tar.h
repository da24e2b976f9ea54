// Captions from webdataset shards.
#ifndef DRAFTP_DATA_CAPTION_TAR_H_
#define DRAFTP_DATA_CAPTION_TAR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// The captions of a tar archive (io/tar_reader.h) in its order: members FOLDER/KEY.txt, where KEY
// is what stands before the base name's first dot and isn't empty, so KEY.seg.txt and .txt are
// none; "TXT" counts as well. All other members are ignored, links and devices too. A byte-order
// mark and one line end at the end are dropped. Errors name archive and member: TarReader's, a
// second KEY.txt among the members of one key (behind other keys' it counts as another), a caption
// that CheckCaption refuses, none at all, more than kMaxCaptions, more than kMaxCaptionFileBytes of
// them.
absl::StatusOr<std::vector<std::string>> ReadCaptionTar(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_TAR_H_
