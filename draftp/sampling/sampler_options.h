// The options of all samplers, as settings have them.
#ifndef DRAFTP_SAMPLING_SAMPLER_OPTIONS_H_
#define DRAFTP_SAMPLING_SAMPLER_OPTIONS_H_

namespace draftp {

// Each member's kOptions names those that it takes.
struct SamplerOptions {
  double s_churn = 0.0;
  double s_tmin = 0.0;    // sigma
  double s_tmax = 999.0;  // sigma
  double s_noise = 1.0;
  double eta = 1.0;
  int order = 4;
  double gamma = 0.3;
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_SAMPLER_OPTIONS_H_
