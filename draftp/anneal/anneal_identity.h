// What decides the pictures of an annealing run: for their texts, and for telling one run's folder
// from another's.
#ifndef DRAFTP_ANNEAL_ANNEAL_IDENTITY_H_
#define DRAFTP_ANNEAL_ANNEAL_IDENTITY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/io/png.h"
#include "draftp/run/compute_device.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/run_identity.h"

namespace draftp {

// Every file that `config` (a resolved bundle) names and that decides what is drawn.
std::vector<InputFile> AnnealInputs(const AnnealConfig& config);

// Settings that decide the pixels of each picture, as typed; options of samplers and
// discretisations only where the chosen ones take them; how many ranks there are only where they
// share out streams of noise (then `nproc`, from two on). Of `device` the networks' dtype, and what
// the decoder's products are rounded to where that is float16.
std::map<std::string, std::string> PictureSettings(const AnnealConfig& config,
                                                   const AnnealPlan& plan, ImageSize size,
                                                   const ComputeDevice& device);

// The identity of a run without its weight types: PictureSettings, seed, prompts and the hashes.
RunIdentity AnnealIdentity(const AnnealConfig& config, const AnnealPlan& plan,
                           std::map<std::string, std::string> picture_settings,
                           const std::map<std::string, std::string>& hashes);

// `inputs` (hashes or files by role) without those that none of the blends evaluates: what
// was fine-tuned where all weights are 0, the base UNet where all are 1 and `tuned_unet`.
bool IsUsed(const std::string& role, const std::vector<Blend>& blends,
            const NoiseSchedule& schedule, bool tuned_unet);

// Differences between the run that left a folder's pictures and this one, ignoring parts of the
// model that none of the earlier pictures was drawn by.
std::vector<std::string> AnnealDifferences(const RunIdentity& before, RunIdentity now);

// The entries of a picture's text on what drew it: names and SHA-256 of model and, where the
// weight type evaluates it, of what was fine-tuned; lora_scale; the settings on one line.
std::vector<PngText> MadeBy(const AnnealConfig& config, const RunIdentity& used,
                            const std::map<std::string, std::string>& picture_settings);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_IDENTITY_H_
