// //tools:train: fine-tunes SDXL on a differentiable reward (DRaFT+).
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
#include "draftp/run/embedded.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/notices.h"
#include "draftp/run/run_program.h"
#include "draftp/run/terminal.h"
#include "draftp/run/version_text.h"
#include "draftp/shard/program_ranks.h"
#include "draftp/train/stop_request.h"
#include "draftp/train/train_config.h"
#include "draftp/train/trainer.h"

int main(int argc, char** argv) {
  using namespace draftp;
  LoadedConfig<TrainConfig> loaded;
  const int failed = RunReporting("train", [&] {
    const auto folder = UserFolder();
    if (!folder.ok()) return folder.status();
    const auto embedded = EmbeddedModelDir();
    auto config = LoadTrainConfig(std::vector<std::string>(argv + 1, argv + argc), *folder,
                                  embedded.ok() ? *embedded : "");
    if (!config.ok()) return config.status();
    loaded = *std::move(config);
    return absl::OkStatus();
  });
  if (failed != 0) return failed;
  const bool runs = !loaded.help && !loaded.print_config;
  const ProgramRanks ranks{"train", loaded.config.nproc, loaded.config.timeout};
  if (runs) {
    if (const auto code = LaunchRanks(ranks, argc, argv)) return *code;
  }
  StopRequest stop;
  const auto on_signal = [&stop, speaks = IsFirstRank()](int signal) {
    const bool saves = stop.Ask(signal);
    if (signal != SIGPIPE && speaks) {
      SayLine(saves
                  ? "\ntrain: interrupted; the step in flight ends and a checkpoint is saved, then "
                    "the same command goes on; a second Ctrl-C or SIGTERM ends at once"
                  : "\ntrain: interrupted before the first step");
    }
    return saves;
  };
  return RunProgram("train", on_signal, [&]() -> absl::Status {
    const ConfigTable<TrainConfig>& table = TrainTable();
    if (loaded.help) {
      std::cout << (loaded.version ? VersionText("train")
                                   : ConfigHelp(table.schema(), {.columns = HelpColumns(),
                                                                 .all = loaded.help_all}));
      return absl::OkStatus();
    }
    if (loaded.print_config) {
      std::cout << ConfigValuesToJson(table.Print(loaded.config)).dump(2) << '\n';
      return absl::OkStatus();
    }
    return RunAsRank(ranks, [&](World& world) {
      Notices notices(std::cerr, {.program = "train",
                                  .terminal = IsTerminal(STDERR_FILENO),
                                  .quiet = loaded.quiet || !world.first()});
      for (const std::string& notice : loaded.notices) notices.Note(notice);
      return RunTraining(loaded.config, stop, notices, world);
    });
  });
}
