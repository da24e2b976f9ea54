// //tools:convert: writes an SDXL as a folder for diffusers or as a single file, and adapters in
// other grammars.
#include "draftp/convert/convert.h"

#include <absl/status/status.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_help.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_path.h"
#include "draftp/convert/convert_config.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/live_line.h"
#include "draftp/run/run_program.h"
#include "draftp/run/terminal.h"
#include "draftp/run/version_text.h"

int main(int argc, char** argv) {
  using namespace draftp;
  return RunProgram(
      "convert", [](int) { return false; },
      [&]() -> absl::Status {
        const auto folder = UserFolder();
        if (!folder.ok()) return folder.status();
        const auto loaded =
            LoadConvertConfig(std::vector<std::string>(argv + 1, argv + argc), *folder);
        if (!loaded.ok()) return loaded.status();
        const ConfigTable<ConvertConfig>& table = ConvertTable();
        if (loaded->help) {
          std::cout << (loaded->version ? VersionText("convert")
                                        : ConfigHelp(table.schema(), {.columns = HelpColumns(),
                                                                      .all = loaded->help_all}));
          return absl::OkStatus();
        }
        if (loaded->print_config) {
          std::cout << ConfigValuesToJson(table.Print(loaded->config)).dump(2) << '\n';
          return absl::OkStatus();
        }
        const bool terminal = IsTerminal(STDERR_FILENO);
        LiveLine line(std::cerr, {.terminal = terminal, .quiet = loaded->quiet || !terminal});
        return RunConvert(loaded->config, std::cout, &line);
      });
}
