// The program that writes a configuration's tables into its page of the docs.
#ifndef DRAFTP_IO_CONFIG_DOCS_H_
#define DRAFTP_IO_CONFIG_DOCS_H_

#include <string>

#include "draftp/io/config_schema.h"

namespace draftp {

// main's body: replaces the tables between the marks of `name` in the file argv[1], or prints them
// where there is none. The exit code.
int WriteConfigDocs(int argc, char** argv, const std::string& name, const ConfigSchema& schema);

}  // namespace draftp

#endif  // DRAFTP_IO_CONFIG_DOCS_H_
