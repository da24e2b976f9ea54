// The rows of the prompts that an annealing run draws.
#ifndef DRAFTP_ANNEAL_ANNEAL_PROMPT_ROWS_H_
#define DRAFTP_ANNEAL_ANNEAL_PROMPT_ROWS_H_

#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_table.h"

namespace draftp {

// prompt, prompts, max_prompts, negative_prompt.
void AddPromptRows(ConfigTable<AnnealConfig>& table);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_PROMPT_ROWS_H_
