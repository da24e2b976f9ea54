// The program that writes a configuration's tables into its page of the docs.
#ifndef DRAFTP_CONFIG_CONFIG_DOCS_H_
#define DRAFTP_CONFIG_CONFIG_DOCS_H_

#include <string>

#include "draftp/config/config_schema.h"

namespace draftp {

// main's body: replaces the tables between the marks of `name` in the file argv[1], or prints them
// where there is none. The exit code.
int WriteConfigDocs(int argc, char** argv, const std::string& name, const ConfigSchema& schema);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_DOCS_H_
