// What an annealing run will draw: a config turned into schedules, samplers and image indices,
// before any model is loaded.
#ifndef DRAFTP_ANNEAL_ANNEAL_PLAN_H_
#define DRAFTP_ANNEAL_ANNEAL_PLAN_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/blend.h"
#include "draftp/sampling/any_noise.h"
#include "draftp/sampling/image_index.h"
#include "draftp/sdxl/sampling_setup.h"

namespace draftp {

// Text of the config made into values; whatever is wrong with it shows here.
struct AnnealPlan {
  std::vector<Blend> blends;
  std::vector<std::string> prompts;  // not empty
  AnySampler sampler;
  AnyGuider guider;
  int64_t images_per_prompt;
  int64_t batch_size;
  // Image g is drawn by rank g mod `ranks`; by each, with noise of its own, where `each_draws_all`:
  // as upstream, --prompt with --noise original.
  int rank = 0, ranks = 1;
  bool each_draws_all = false;
  // Processes that draw each image together, as one rank: 2 with --share model_pair.
  int together = 1;

  int64_t images() const { return static_cast<int64_t>(prompts.size()) * images_per_prompt; }
  int RankOf(int64_t image) const {
    return each_draws_all ? rank : static_cast<int>(image % ranks);
  }
  // Of all ranks, for each weight type.
  int64_t pictures() const { return images() * (each_draws_all ? ranks : 1); }
  // This rank's, in order: global indices of batch `b`; the last batch may be shorter.
  std::vector<int64_t> Batch(int64_t b) const;
  int64_t own_images() const;
  int64_t batches() const { return (own_images() + batch_size - 1) / batch_size; }
  const std::string& PromptOf(int64_t image) const;
};

// Of process `rank` of `ranks`. Reads the prompts too. `config` is a resolved bundle
// (anneal_bundle.h). Errors name the flag or the file.
absl::StatusOr<AnnealPlan> MakeAnnealPlan(const AnnealConfig& config, int rank = 0, int ranks = 1);

// `, by 4 processes`, `, each image by 2 processes`; of one process empty.
std::string DescribeProcesses(const AnnealPlan& plan);

// Evaluations of a model over all blends and steps: the cost of one image, for the progress bar.
int64_t WorkPerImage(const std::vector<Blend>& blends, const NoiseSchedule& schedule);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_PLAN_H_
