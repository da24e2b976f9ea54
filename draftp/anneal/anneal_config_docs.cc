// Writes the tables of docs/configuration.md from AnnealTable(): `anneal_config_docs
// docs/configuration.md`.
#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_docs.h"

int main(int argc, char** argv) {
  return draftp::WriteConfigDocs(argc, argv, "anneal", draftp::AnnealTable().schema());
}
