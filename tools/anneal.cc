// //tools:anneal: draws SDXL pictures under annealed mixtures of a base and a fine-tuned model.
#include "draftp/anneal/anneal.h"

#include <absl/status/status.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/anneal/anneal_bundle.h"
#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_help.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_path.h"
#include "draftp/run/embedded.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/notices.h"
#include "draftp/run/run_program.h"
#include "draftp/run/terminal.h"
#include "draftp/run/version_text.h"
#include "draftp/shard/program_ranks.h"

int main(int argc, char** argv) {
  using namespace draftp;
  LoadedConfig<AnnealConfig> loaded;
  const int failed = RunReporting("anneal", [&] {
    const auto folder = UserFolder();
    if (!folder.ok()) return folder.status();
    auto config = LoadAnnealConfig(std::vector<std::string>(argv + 1, argv + argc), *folder);
    if (!config.ok()) return config.status();
    loaded = *std::move(config);
    return absl::OkStatus();
  });
  if (failed != 0) return failed;
  const bool runs = !loaded.help && !loaded.print_config;
  const ProgramRanks ranks{"anneal", loaded.config.nproc, loaded.config.timeout};
  if (runs) {
    if (const auto code = LaunchRanks(ranks, argc, argv)) return *code;
  }
  const auto on_signal = [speaks = IsFirstRank()](int signal) {
    if (signal != SIGPIPE && speaks) {
      SayLine(
          "\nanneal: interrupted; the pictures drawn so far are whole, --skip_existing goes on");
    }
    return false;
  };
  return RunProgram("anneal", on_signal, [&]() -> absl::Status {
    const ConfigTable<AnnealConfig>& table = AnnealTable();
    if (loaded.help) {
      std::cout << (loaded.version ? VersionText("anneal")
                                   : ConfigHelp(table.schema(), {.columns = HelpColumns(),
                                                                 .all = loaded.help_all}));
      return absl::OkStatus();
    }
    if (loaded.print_config) {
      const auto embedded = EmbeddedModelDir();
      const auto resolved = ResolveBundle(loaded.config, embedded.ok() ? *embedded : "");
      if (!resolved.ok()) return resolved.status();
      std::cout << ConfigValuesToJson(table.Print(*resolved)).dump(2) << '\n';
      return absl::OkStatus();
    }
    return RunAsRank(ranks, [&](World& world) {
      Notices notices(std::cerr, {.program = "anneal",
                                  .terminal = IsTerminal(STDERR_FILENO),
                                  .quiet = loaded.quiet || !world.first()});
      for (const std::string& notice : loaded.notices) notices.Note(notice);
      return RunAnneal(loaded.config, notices, world);
    });
  });
}
