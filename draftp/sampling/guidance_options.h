// What guiders are made of.
#ifndef DRAFTP_SAMPLING_GUIDANCE_OPTIONS_H_
#define DRAFTP_SAMPLING_GUIDANCE_OPTIONS_H_

#include <limits>

namespace draftp {

struct GuidanceOptions {
  double scale = 5.0;        // s; 0 and 1: the conditional estimate, one row an image
  double interval_lo = 0.0;  // sigma
  double interval_hi = std::numeric_limits<double>::infinity();  // sigma
  double rescale = 0.0;                                          // phi in [0,1]
  double parallel = 0.0;  // projected: share of what is parallel to the conditional prediction
  double norm = 15.0;     // projected: largest norm of the difference; 0: any
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_GUIDANCE_OPTIONS_H_
