// //tools:anneal: draws SDXL pictures under annealed mixtures of a base and a fine-tuned model.
#include "draftp/anneal/anneal.h"

#include <absl/status/status.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_bundle.h"
#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_help.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_path.h"
#include "draftp/run/embedded.h"
#include "draftp/run/notices.h"
#include "draftp/run/run_program.h"
#include "draftp/run/terminal.h"
#include "draftp/run/version_text.h"

int main(int argc, char** argv) {
  using namespace draftp;
  const auto on_signal = [](int signal) {
    if (signal != SIGPIPE) {
      SayLine(
          "\nanneal: interrupted; the pictures drawn so far are whole, --skip_existing goes on");
    }
    return false;
  };
  return RunProgram("anneal", on_signal, [&]() -> absl::Status {
    const auto folder = UserFolder();
    if (!folder.ok()) return folder.status();
    const auto loaded = LoadAnnealConfig(std::vector<std::string>(argv + 1, argv + argc), *folder);
    if (!loaded.ok()) return loaded.status();
    const ConfigTable<AnnealConfig>& table = AnnealTable();
    if (loaded->help) {
      std::cout << (loaded->version ? VersionText("anneal")
                                    : ConfigHelp(table.schema(), {.columns = HelpColumns(),
                                                                  .all = loaded->help_all}));
      return absl::OkStatus();
    }
    if (loaded->print_config) {
      const auto embedded = EmbeddedModelDir();
      const auto resolved = ResolveBundle(loaded->config, embedded.ok() ? *embedded : "");
      if (!resolved.ok()) return resolved.status();
      std::cout << ConfigValuesToJson(table.Print(*resolved)).dump(2) << '\n';
      return absl::OkStatus();
    }
    Notices notices(
        std::cerr,
        {.program = "anneal", .terminal = IsTerminal(STDERR_FILENO), .quiet = loaded->quiet});
    for (const std::string& notice : loaded->notices) notices.Note(notice);
    return RunAnneal(loaded->config, notices);
  });
}
