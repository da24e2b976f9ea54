// Adapters of a layer in one include, for programs; libraries include what they use. Their files
// (lora_file.h, lora_writer.h) stand apart: they need Abseil and a JSON parser.
#ifndef DRAFTP_ADAPTER_ADAPTER_H_
#define DRAFTP_ADAPTER_ADAPTER_H_

#include "draftp/adapter/adapter_guard.h"  // IWYU pragma: export
#include "draftp/adapter/adapter_rows.h"   // IWYU pragma: export
#include "draftp/adapter/add_adapters.h"   // IWYU pragma: export
#include "draftp/adapter/lora.h"           // IWYU pragma: export

#endif  // DRAFTP_ADAPTER_ADAPTER_H_
