// What people type where a model belongs, and what to do instead.
#ifndef DRAFTP_SDXL_MODEL_ARGUMENT_H_
#define DRAFTP_SDXL_MODEL_ARGUMENT_H_

#include <absl/status/status.h>

#include <string>

namespace draftp {

// Looks at `path`, absolute, that was given for --model, before anything is loaded. InvalidArgument
// that names the way out, for a name on the Hugging Face Hub, and for a folder of its cache whose
// snapshot is further down, of a single file, of a LoRA, of a part of a model, and for a file of
// another model or of an adapter; NotFound for a folder of anything else. OK for a folder with
// model_index.json, for other files and for what isn't there, which loading names.
absl::Status CheckModelArgument(const std::string& path);

// InvalidArgument where `path`, absolute, that was given for `flag` isn't there but was typed like
// the name of a repository on the Hugging Face Hub.
absl::Status CheckNoHubName(const std::string& flag, const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_SDXL_MODEL_ARGUMENT_H_
