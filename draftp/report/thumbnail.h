// Pictures made small: averaged down, and as the few bytes of a JPEG.
#ifndef DRAFTP_REPORT_THUMBNAIL_H_
#define DRAFTP_REPORT_THUMBNAIL_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/png.h"

namespace draftp {

// `image` scaled down to fit into `width` x `height` by averaging areas, its proportions kept; as
// it is when it fits.
RgbImage FitInto(const RgbImage& image, int width, int height);

// The bytes of a baseline JPEG (ITU-T T.81) in YCbCr with halved chroma. quality: 1 to 100. The
// same input gives the same bytes. Errors: sizes that aren't positive, are above 65500 or don't
// match the number of pixels.
absl::StatusOr<std::string> EncodeJpeg(const RgbImage& image, int quality);

// The picture for a page that shows many: at most 96 pixels on its long side, quality 82, about
// 3 KB. Errors as EncodeJpeg's.
absl::StatusOr<std::string> Thumbnail(const RgbImage& image);

}  // namespace draftp

#endif  // DRAFTP_REPORT_THUMBNAIL_H_
