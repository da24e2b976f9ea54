#include "draftp/evaluate/picture_pairs.h"

namespace draftp {

PicturePlaces::PicturePlaces(const OrderedPoint& other) {
  for (size_t i = 0; i < other.pictures.pictures.size(); ++i) {
    const PointPicture& picture = other.pictures.pictures[i];
    places_.emplace(std::pair(picture.caption, picture.noise), static_cast<int64_t>(i));
  }
}

PicturePairs PicturePlaces::PairsOf(const OrderedPoint& point) const {
  PicturePairs pairs;
  for (size_t i = 0; i < point.pictures.pictures.size(); ++i) {
    const PointPicture& picture = point.pictures.pictures[i];
    const auto place = places_.find({picture.caption, picture.noise});
    if (place == places_.end()) continue;
    pairs.places.emplace_back(static_cast<int64_t>(i), place->second);
    pairs.prompt_of.push_back(point.prompt_of[i]);
  }
  return pairs;
}

}  // namespace draftp
