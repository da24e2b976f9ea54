// Which files of a model's, an adapter's or a reward's folder decide what a run computes.
#ifndef DRAFTP_SDXL_MODEL_FILES_H_
#define DRAFTP_SDXL_MODEL_FILES_H_

#include <string>
#include <vector>

#include "draftp/checkpoint/weight_files.h"
#include "draftp/run/input_hashes.h"

namespace draftp {

// The folder `name` in `path` where there is one, else `path`: a whole model's folder stands for
// its part, a part's own is taken as it is.
std::string FolderBelow(const std::string& path, const std::string& name);

// A file, and what there is of weight files, each under ROLE and its name; what isn't there,
// loading will say.
void AddFile(const std::string& role, const std::string& path, std::vector<InputFile>& files);
void AddWeightFiles(const std::string& role, const WeightFiles& found,
                    std::vector<InputFile>& files);
// Of what FindWeightFiles finds.
void AddWeightFiles(const std::string& role, const std::string& path, const std::string& stem,
                    std::vector<InputFile>& files);
// Of an adapter (a file or a folder), a fully fine-tuned UNet, and a reward (a file or a folder).
std::vector<InputFile> LoraFiles(const std::string& path);
std::vector<InputFile> TunedFiles(const std::string& dir);
std::vector<InputFile> RewardFiles(const std::string& path, const std::string& role);

}  // namespace draftp

#endif  // DRAFTP_SDXL_MODEL_FILES_H_
