// What an annealing run draws with and of where its settings don't say: the embedded bundle of a
// model, its LoRA and prompts.
#ifndef DRAFTP_ANNEAL_ANNEAL_BUNDLE_H_
#define DRAFTP_ANNEAL_ANNEAL_BUNDLE_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/anneal/anneal_config.h"

namespace draftp {

// A config that says all: validates `config`, then fills in the embedded bundle in `embedded_dir`
// (empty: there is none), as far as the config says nothing else. Prompts of a pipe are read, and
// take their place in `prompt`.
//
// Without a model: the embedded model; with it, if no adapter is named (lora, tuned,
// explicit_log_dir), its LoRA, and if no prompt is given (prompt, prompts), its first 8 validation
// prompts.
//
// With a model: nothing of the bundle. Every weight type but `base` needs an adapter, and a prompt
// or a prompt file is needed: InvalidArgument otherwise.
absl::StatusOr<AnnealConfig> ResolveBundle(AnnealConfig config, const std::string& embedded_dir);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_BUNDLE_H_
