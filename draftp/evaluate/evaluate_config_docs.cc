// Writes the tables of docs/evaluate.md from EvaluateTable(): `evaluate_config_docs
// docs/evaluate.md`.
#include "draftp/config/config_docs.h"
#include "draftp/evaluate/evaluate_config.h"

int main(int argc, char** argv) {
  return draftp::WriteConfigDocs(argc, argv, "evaluate", draftp::EvaluateTable().schema());
}
