// Where the embedded model and CLIP's vocabulary lie: beside the program in the package, in its
// runfiles under Bazel.
#ifndef DRAFTP_RUN_EMBEDDED_H_
#define DRAFTP_RUN_EMBEDDED_H_

#include <absl/status/statusor.h>

#include <string>

namespace draftp {

// Folder of the embedded SDXL (model_index.json, lora/, prompts/, reward_model/). NotFound lists
// where it was sought.
absl::StatusOr<std::string> EmbeddedModelDir();

// Folder of the two tokenizers of CLIP's vocabulary of 49,408, in Hugging Face's form: tokenizer
// (CLIP-L's, padding with the end of text) and tokenizer_2 (OpenCLIP bigG's, padding with "!").
// NotFound lists where it was sought.
absl::StatusOr<std::string> ClipVocabularyDir();

// `embedded` and `embedded:REST`, as paths in a run.json and on a command line name the embedded
// model's folder `dir` and what lies in it, to `dir` and `dir/REST`; any other text as it is.
std::string ExpandEmbedded(const std::string& path, const std::string& dir);
// A model's folder as lines for a user name it: `the embedded model`, or its path.
std::string DescribeModel(const std::string& path);
// The way back: so that a run.json holds wherever the program lies.
std::string CollapseEmbedded(const std::string& path, const std::string& dir);
// The same for EmbeddedModelDir(), where there is one.
std::string CollapseEmbedded(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_RUN_EMBEDDED_H_
