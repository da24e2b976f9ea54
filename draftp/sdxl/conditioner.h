// The one way from captions to what conditions SDXL's networks.
#ifndef DRAFTP_SDXL_CONDITIONER_H_
#define DRAFTP_SDXL_CONDITIONER_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "draftp/model/conditioning.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/sdxl/sdxl_predictor.h"

namespace draftp {

// Both sides of classifier-free guidance, B rows each.
struct Conditions {
  Conditioning unconditional, conditional;
  std::vector<OwnConditioning> own = {};  // of models with text encoders of their own

  // Rows [begin, begin + count), views.
  Conditions Rows(int64_t begin, int64_t count) const;
};

// The model must outlive it.
class Conditioner {
 public:
  struct Options {
    ImageSize size;  // pixels, of the size embeddings
    std::string negative_prompt = "";
    // A line for each caption that was cut, the negative prompt too; may be empty.
    std::function<void(const std::string&)> warn = {};
    AnyPiecePolicy pieces = {};  // of the text encoders' layers
  };

  Conditioner(const SdxlModel& model, Options options);

  // Of the captions, one an image. Without a graph. The error names what can't be encoded.
  absl::StatusOr<Conditions> operator()(const std::vector<std::string>& captions) const;

 private:
  absl::StatusOr<Conditions> Encoded(const SdxlTextEncoders& encoders, const PromptIds& ids) const;

  const SdxlModel& model_;
  Options options_;
  std::optional<PromptIds> negative_ids_;  // of one row; none: zeros
};

}  // namespace draftp

#endif  // DRAFTP_SDXL_CONDITIONER_H_
