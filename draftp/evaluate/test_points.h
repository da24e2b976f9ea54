// Points for tests: pictures with a reward, and embeddings in the plane.
#ifndef DRAFTP_EVALUATE_TEST_POINTS_H_
#define DRAFTP_EVALUATE_TEST_POINTS_H_

#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "draftp/evaluate/point_pictures.h"

namespace draftp::testing {

struct MadePicture {
  std::string caption, noise;
  double reward;
  double angle;  // of its embedding
};

// Without files: the paths are empty.
inline PointPictures MakePointPictures(const std::vector<MadePicture>& pictures) {
  PointPictures point;
  std::vector<double> rewards;
  std::vector<float> embeddings;
  for (const MadePicture& picture : pictures) {
    point.pictures.push_back({.path = "", .caption = picture.caption, .noise = picture.noise});
    rewards.push_back(picture.reward);
    embeddings.push_back(static_cast<float>(std::cos(picture.angle)));
    embeddings.push_back(static_cast<float>(std::sin(picture.angle)));
  }
  const auto n = static_cast<int64_t>(pictures.size());
  point.scores = {.rewards = at::tensor(rewards).reshape({n, 1}),
                  .embeddings = at::tensor(embeddings).reshape({n, 2})};
  return point;
}

}  // namespace draftp::testing

#endif  // DRAFTP_EVALUATE_TEST_POINTS_H_
