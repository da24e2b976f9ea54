// The folder of an evaluation: whose it is, and where its pictures lie.
#ifndef DRAFTP_EVALUATE_EVALUATION_FOLDER_H_
#define DRAFTP_EVALUATE_EVALUATION_FOLDER_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "draftp/evaluate/evaluate_config.h"
#include "draftp/evaluate/evaluation_plan.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/run_identity.h"

namespace draftp {

// What decides the pictures of every point. Two evaluations that differ in it don't share a folder;
// the other settings say which points there are, how they are scored, and where.
RunIdentity EvaluationIdentity(const EvaluateConfig& config,
                               const std::vector<std::string>& prompts);

// config.output_dir, or where that is empty the first of evaluation, evaluation_2, ... that is free
// or of the same identity. InvalidArgument where the typed one is another run's, unless
// config.overwrite; errors also as OutputFolder::Open's.
absl::StatusOr<OutputFolder> OpenEvaluationFolder(const EvaluateConfig& config,
                                                  const RunIdentity& identity);

// The output folder of a run that draws: {output_dir}/pictures[/{run.name}].
std::string PicturesDir(const std::string& output_dir, const EvaluationRun& run);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_EVALUATION_FOLDER_H_
