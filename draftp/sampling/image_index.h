// The global index of an image: what its noise is seeded by, whatever rank, batch or world draws
// it.
#ifndef DRAFTP_SAMPLING_IMAGE_INDEX_H_
#define DRAFTP_SAMPLING_IMAGE_INDEX_H_

#include <cstdint>

namespace draftp {

// Prompt-major: copy c in [0, images_per_prompt) of prompt p has index p * images_per_prompt + c.
constexpr int64_t GlobalImageIndex(int64_t prompt, int64_t copy, int64_t images_per_prompt) {
  return prompt * images_per_prompt + copy;
}

// The prompt that image `index` >= 0 shows.
constexpr int64_t PromptOfImage(int64_t index, int64_t images_per_prompt) {
  return index / images_per_prompt;
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_IMAGE_INDEX_H_
