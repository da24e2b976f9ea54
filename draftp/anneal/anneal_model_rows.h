// The rows of an annealing run's models: the base, and what was made of it.
#ifndef DRAFTP_ANNEAL_ANNEAL_MODEL_ROWS_H_
#define DRAFTP_ANNEAL_ANNEAL_MODEL_ROWS_H_

#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_table.h"

namespace draftp {

// The base model's row, in a group Models.
void AddBaseModelRow(ConfigTable<AnnealConfig>& table);
// The group Models: the base model, adapters, a whole UNet, a training run's folder.
void AddModelRows(ConfigTable<AnnealConfig>& table);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_MODEL_ROWS_H_
