// Writes the tables of docs/training.md from TrainTable(): `train_config_docs docs/training.md`.
#include "draftp/config/config_docs.h"
#include "draftp/train/train_config.h"

int main(int argc, char** argv) {
  return draftp::WriteConfigDocs(argc, argv, "train", draftp::TrainTable().schema());
}
