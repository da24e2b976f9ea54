// //tools:anneal: draws SDXL pictures under annealed mixtures of a base and a fine-tuned model.
#include "draftp/pipeline/anneal.h"

#include <absl/status/status.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "draftp/io/config_help.h"
#include "draftp/io/config_path.h"
#include "draftp/pipeline/anneal_config.h"
#include "draftp/pipeline/run_program.h"

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
    if (loaded->help) {
      std::cout << ConfigHelp(AnnealTable().schema());
      return absl::OkStatus();
    }
    for (const std::string& notice : loaded->notices) std::cerr << "anneal: " << notice << '\n';
    return RunAnneal(loaded->config, std::cerr, isatty(STDERR_FILENO) != 0);
  });
}
