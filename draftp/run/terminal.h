// What the terminal behind a file descriptor is like.
#ifndef DRAFTP_RUN_TERMINAL_H_
#define DRAFTP_RUN_TERMINAL_H_

namespace draftp {

// Whether a line can be redrawn in place there: a terminal, and not TERM=dumb.
bool IsTerminal(int descriptor);

// Columns of the terminal as it is now; where it doesn't say, COLUMNS, else 80.
int TerminalColumns(int descriptor);

// Columns for --help on standard output: the terminal's, and 80 where there is none.
int HelpColumns();

}  // namespace draftp

#endif  // DRAFTP_RUN_TERMINAL_H_
