#include "draftp/evaluate/picture_pairs.h"

#include <string>

namespace draftp {

PicturePairs PairsOf(const OrderedPoint& point, const OrderedPoint& other) {
  std::map<std::pair<std::string, std::string>, int64_t> places;
  for (size_t i = 0; i < other.pictures.pictures.size(); ++i) {
    const PointPicture& picture = other.pictures.pictures[i];
    places.emplace(std::pair(picture.caption, picture.noise), static_cast<int64_t>(i));
  }
  PicturePairs pairs;
  for (size_t i = 0; i < point.pictures.pictures.size(); ++i) {
    const PointPicture& picture = point.pictures.pictures[i];
    const auto place = places.find({picture.caption, picture.noise});
    if (place == places.end()) continue;
    pairs.places.emplace_back(static_cast<int64_t>(i), place->second);
    pairs.prompt_of.push_back(point.prompt_of[i]);
  }
  return pairs;
}

}  // namespace draftp
