// Tests of the terminal's columns, on a terminal of this process's own.
#include "draftp/run/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace draftp {
namespace {

TEST(TerminalTest, TellsItsColumnsAndFollowsAChange) {
  winsize size{.ws_row = 24, .ws_col = 47, .ws_xpixel = 0, .ws_ypixel = 0};
  int owner = -1, terminal = -1;
  ASSERT_EQ(openpty(&owner, &terminal, nullptr, nullptr, &size), 0);
  EXPECT_EQ(TerminalColumns(terminal), 47);
  size.ws_col = 101;
  ASSERT_EQ(ioctl(owner, TIOCSWINSZ, &size), 0);
  EXPECT_EQ(TerminalColumns(terminal), 101);
  setenv("TERM", "xterm", 1);
  EXPECT_TRUE(IsTerminal(terminal));
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(IsTerminal(terminal));
  close(owner);
  close(terminal);
}

TEST(TerminalTest, AFileHasTheColumnsOfTheEnvironmentOrEighty) {
  const int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_FALSE(IsTerminal(file));
  unsetenv("COLUMNS");
  EXPECT_EQ(TerminalColumns(file), 80);
  setenv("COLUMNS", "66", 1);
  EXPECT_EQ(TerminalColumns(file), 66);
  for (const char* text : {"0", "-3", "many", ""}) {
    setenv("COLUMNS", text, 1);
    EXPECT_EQ(TerminalColumns(file), 80) << text;
  }
  unsetenv("COLUMNS");
  close(file);
}

}  // namespace
}  // namespace draftp
