// The table of a training run's settings, apart from the rules between them.
#ifndef DRAFTP_TRAIN_TRAIN_TABLE_H_
#define DRAFTP_TRAIN_TRAIN_TABLE_H_

#include "draftp/config/config_table.h"
#include "draftp/train/train_config.h"

namespace draftp {

ConfigTable<TrainConfig> MakeTrainTable();

// Its rows of devices and processes.
void AddProcesses(ConfigTable<TrainConfig>& table);

// Its rows of what a run writes, and of validations; why these have no effect where there are none.
void AddTrainOutput(ConfigTable<TrainConfig>& table);
void AddValidations(ConfigTable<TrainConfig>& table);
const char* NoValidations(const TrainConfig& config);

// Its rules for keys of the original that have no row.
void AddTrainRules(ConfigTable<TrainConfig>& table);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAIN_TABLE_H_
