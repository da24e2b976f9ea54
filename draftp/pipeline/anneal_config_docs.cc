// Writes the tables of docs/configuration.md from AnnealTable(): `anneal_config_docs
// docs/configuration.md`.
#include "draftp/io/config_docs.h"
#include "draftp/pipeline/anneal_config.h"

int main(int argc, char** argv) {
  return draftp::WriteConfigDocs(argc, argv, "anneal", draftp::AnnealTable().schema());
}
