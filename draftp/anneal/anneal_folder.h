// The folder of an annealing run: which one it is, what of an earlier run stays in it, and what
// goes.
#ifndef DRAFTP_ANNEAL_ANNEAL_FOLDER_H_
#define DRAFTP_ANNEAL_ANNEAL_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/run_identity.h"

namespace draftp {

// Weight types of an earlier run in `dir` whose pictures are as good as this run's, for it had the
// same `identity` (asked for only where it is compared). InvalidArgument where the folder holds
// another run's results, unless --overwrite or --skip_existing allow to draw over its pictures.
absl::StatusOr<std::vector<std::string>> TypesThatStay(
    const AnnealConfig& config, const std::string& dir,
    const std::function<absl::StatusOr<RunIdentity>()>& identity);

// InvalidArgument where a file that the run reads lies where one of its own goes in `dir`.
absl::Status CheckAnnealInputs(const AnnealConfig& config, const std::vector<InputFile>& inputs,
                               const std::vector<Blend>& blends, const std::string& dir);

// Pictures in `dir`, by their paths, that this program has drawn and that aren't among `plan`'s
// images of `types`, or of a rank that it hasn't where each draws all.
std::vector<std::string> StalePictures(const std::string& dir,
                                       const std::vector<std::string>& types,
                                       const AnnealPlan& plan);

// Removes what this program has drawn of an image under the numbers of other ranks than `rank`, of
// those in `ranks`, with its captions.
void RemoveOtherRanks(const std::string& dir, const std::string& type, int64_t image, int rank,
                      const std::vector<int>& ranks);

// Removes these pictures, their captions, and folders that are empty then.
void RemovePictures(const std::vector<std::string>& pictures);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_FOLDER_H_
