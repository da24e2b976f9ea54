// The pictures of one point of an evaluation: read, scored and seen once.
#ifndef DRAFTP_EVALUATE_POINT_PICTURES_H_
#define DRAFTP_EVALUATE_POINT_PICTURES_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "draftp/evaluate/picture_scorer.h"
#include "draftp/metrics/pixels.h"

namespace draftp {

struct PointPicture {
  std::string path;
  std::string caption;
  std::string noise;  // see CaptionedPicture
  PixelStatistics pixels = {};
  std::string thumbnail = {};  // a JPEG
};

struct PointPictures {
  std::vector<PointPicture> pictures;  // in byte order of their names
  PictureScores scores;                // a row each
};

struct ScoringOptions {
  // Where a point's scores and embeddings are kept, so that an evaluation that was cut short goes
  // on, and other programs have the embeddings: `rewards` [n,R] f64, `embeddings` [n,P] f32, the
  // pictures' SHA-256 in the metadata.
  std::string kept;
  std::string scorer;  // what decides the scores besides the pictures
  int64_t batch_size = 1;
  std::function<void(int64_t images)> on_images = [](int64_t) {};
};

// Reads the PNG files of a folder and scores those that options.kept doesn't know. Errors name the
// picture: damaged, without a caption, of another size than the folder's first; FailedPrecondition
// where there is none.
absl::StatusOr<PointPictures> ReadPoint(const std::string& folder, PictureScorer& scorer,
                                        const ScoringOptions& options);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_POINT_PICTURES_H_
