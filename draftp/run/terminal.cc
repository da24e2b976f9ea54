#include "draftp/run/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace draftp {

bool IsTerminal(int descriptor) {
  const char* const term = std::getenv("TERM");
  return isatty(descriptor) != 0 && (term == nullptr || std::strcmp(term, "dumb") != 0);
}

int TerminalColumns(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  int columns = 0;
  if (const char* const text = std::getenv("COLUMNS"))
    std::from_chars(text, text + std::strlen(text), columns);
  return columns > 0 && columns < 10'000 ? columns : 80;
}

int HelpColumns() { return isatty(STDOUT_FILENO) != 0 ? TerminalColumns(STDOUT_FILENO) : 80; }

}  // namespace draftp
