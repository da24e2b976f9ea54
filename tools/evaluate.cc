// //tools:evaluate: draws, scores and shows the reward-diversity curve of a fine-tuned SDXL.
#include "draftp/evaluate/evaluate.h"

#include <absl/status/status.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_help.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_path.h"
#include "draftp/evaluate/evaluate_config.h"
#include "draftp/run/embedded.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/notices.h"
#include "draftp/run/run_program.h"
#include "draftp/run/terminal.h"
#include "draftp/run/version_text.h"
#include "draftp/shard/program_ranks.h"

int main(int argc, char** argv) {
  using namespace draftp;
  LoadedConfig<EvaluateConfig> loaded;
  const int failed = RunReporting("evaluate", [&] {
    const auto folder = UserFolder();
    if (!folder.ok()) return folder.status();
    const auto embedded = EmbeddedModelDir();
    auto config = LoadEvaluateConfig(std::vector<std::string>(argv + 1, argv + argc), *folder,
                                     embedded.ok() ? *embedded : "");
    if (!config.ok()) return config.status();
    loaded = *std::move(config);
    return absl::OkStatus();
  });
  if (failed != 0) return failed;
  const bool runs = !loaded.help && !loaded.print_config;
  const ProgramRanks ranks{"evaluate", loaded.config.draw.nproc, loaded.config.draw.timeout};
  if (runs) {
    if (const auto code = LaunchRanks(ranks, argc, argv)) return *code;
  }
  const auto on_signal = [speaks = IsFirstRank()](int signal) {
    if (signal != SIGPIPE && speaks)
      SayLine("\nevaluate: interrupted; the same command goes on where it was");
    return false;
  };
  return RunProgram("evaluate", on_signal, [&]() -> absl::Status {
    const ConfigTable<EvaluateConfig>& table = EvaluateTable();
    if (loaded.help) {
      std::cout << (loaded.version ? VersionText("evaluate")
                                   : ConfigHelp(table.schema(), {.columns = HelpColumns(),
                                                                 .all = loaded.help_all}));
      return absl::OkStatus();
    }
    if (loaded.print_config) {
      std::cout << ConfigValuesToJson(table.Print(loaded.config)).dump(2) << '\n';
      return absl::OkStatus();
    }
    return RunAsRank(ranks, [&](World& world) {
      Notices notices(std::cerr, {.program = "evaluate",
                                  .terminal = IsTerminal(STDERR_FILENO),
                                  .quiet = loaded.quiet || !world.first()});
      for (const std::string& notice : loaded.notices) notices.Note(notice);
      return RunEvaluate(loaded.config, notices, world);
    });
  });
}
