// Which files of a model's, an adapter's or a reward's folder decide what a run computes.
#ifndef DRAFTP_SDXL_MODEL_FILES_H_
#define DRAFTP_SDXL_MODEL_FILES_H_

#include <string>
#include <vector>

#include "draftp/run/input_hashes.h"

namespace draftp {

// A folder of a UNet is taken as it is; one of a pipeline stands for its unet/.
std::string UNetDir(const std::string& dir);

// What FindWeightFiles finds, each file under ROLE and its name; what isn't there, loading will
// say.
void AddWeightFiles(const std::string& role, const std::string& path, const std::string& stem,
                    std::vector<InputFile>& files);
// Of an adapter (a file or a folder), a fully fine-tuned UNet, and a reward (a file or a folder).
std::vector<InputFile> LoraFiles(const std::string& path);
std::vector<InputFile> TunedFiles(const std::string& dir);
std::vector<InputFile> RewardFiles(const std::string& path, const std::string& role);

}  // namespace draftp

#endif  // DRAFTP_SDXL_MODEL_FILES_H_
