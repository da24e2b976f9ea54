// //tools:anneal: draws SDXL pictures under annealed mixtures of a base and a fine-tuned model.
#include "draftp/pipeline/anneal.h"

#include <absl/status/status.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/config_help.h"
#include "draftp/io/config_path.h"
#include "draftp/pipeline/anneal_config.h"
#include "draftp/pipeline/exit_code.h"
#include "draftp/pipeline/interrupt.h"
#include "draftp/pipeline/output_folder.h"

namespace {

// What no destructor will do in a process that is being ended.
void Tidy() {
  draftp::RemoveFilesInFlight();
  draftp::RemoveEmptyOutputFolders();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace draftp;
  const InterruptWatcher watcher(
      {.on_signal =
           [](int) {
             Tidy();
             constexpr char kMessage[] =
                 "\nanneal: interrupted; the pictures drawn so far are whole, --skip_existing goes "
                 "on\n";
             [[maybe_unused]] const auto written =
                 write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
           },
       .on_lost_file =
           [](const std::string& file) {
             Tidy();
             Report("anneal", absl::DataLossError(LostFileMessage(file)));
           }});
  return RunReporting("anneal", [&]() -> absl::Status {
    const auto loaded =
        LoadAnnealConfig(std::vector<std::string>(argv + 1, argv + argc), UserFolder());
    if (!loaded.ok()) return loaded.status();
    if (loaded->help) {
      std::cout << ConfigHelp(AnnealTable().schema());
      return absl::OkStatus();
    }
    for (const std::string& notice : loaded->notices) std::cerr << "anneal: " << notice << '\n';
    return RunAnneal(loaded->config, std::cerr, isatty(STDERR_FILENO) != 0);
  });
}
