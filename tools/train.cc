// //tools:train: fine-tunes SDXL on a differentiable reward (DRaFT+).
#include <absl/status/status.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/config_help.h"
#include "draftp/io/config_path.h"
#include "draftp/pipeline/embedded.h"
#include "draftp/pipeline/exit_code.h"
#include "draftp/pipeline/interrupt.h"
#include "draftp/pipeline/output_folder.h"
#include "draftp/train/stop_request.h"
#include "draftp/train/train_config.h"
#include "draftp/train/trainer.h"

int main(int argc, char** argv) {
  using namespace draftp;
  StopRequest stop;
  const InterruptWatcher watcher(
      {.on_signal =
           [&stop](int signal) {
             constexpr char kMessage[] =
                 "\ntrain: interrupted; the step in flight ends and a checkpoint is saved, then "
                 "the "
                 "same command goes on\n";
             [[maybe_unused]] const auto written =
                 write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
             stop.AskAndWait(signal);
           },
       .on_lost_file =
           [](const std::string& file) {
             RemoveFilesInFlight();
             RemoveEmptyOutputFolders();
             Report("train", absl::DataLossError(LostFileMessage(file)));
           }});
  return RunReporting("train", [&]() -> absl::Status {
    const auto embedded = EmbeddedModelDir();
    const auto loaded = LoadTrainConfig(std::vector<std::string>(argv + 1, argv + argc),
                                        UserFolder(), embedded.ok() ? *embedded : "");
    if (!loaded.ok()) return loaded.status();
    if (loaded->help) {
      std::cout << ConfigHelp(TrainTable().schema());
      return absl::OkStatus();
    }
    for (const std::string& notice : loaded->notices) std::cerr << "train: " << notice << '\n';
    return RunTraining(loaded->config, stop, std::cerr, isatty(STDERR_FILENO) != 0);
  });
}
