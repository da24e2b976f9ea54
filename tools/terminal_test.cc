// Both programs as a user sees them: within a terminal's width, line by line, with every question
// answered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "draftp/io/display_width.h"
#include "draftp/io/test_files.h"
#include "tools/program.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;
using testing::Replacing;
using testing::SmallTraining;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using testing::Words;

constexpr char kAnneal[] = "tools/anneal";
constexpr char kTrain[] = "tools/train";

struct Shown {
  int code = -1;
  std::string text;
};

// Runs `command` on a terminal of its own, `columns` wide, and reads all that it shows.
Shown OnTerminal(const Words& command, unsigned short columns) {
  const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const pid_t process = forkpty(&terminal, nullptr, nullptr, &size);
  if (process == 0) {
    setenv("TERM", "xterm", 1);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  Shown shown;
  char buffer[4096];
  for (ssize_t got; (got = read(terminal, buffer, sizeof buffer)) > 0;)
    shown.text.append(buffer, static_cast<size_t>(got));
  int status = 0;
  waitpid(process, &status, 0);
  close(terminal);
  shown.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return shown;
}

Words Lines(const std::string& text, char end = '\n') {
  Words lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line, end);) lines.push_back(line);
  return lines;
}

// Every state of every live line leaves the last column free, so that none wraps.
void ExpectLiveLinesWithin(const std::string& text, int columns) {
  int drawn = 0;
  for (const std::string& line : Lines(text)) {
    const Words states = Lines(line, '\r');
    for (size_t i = 1; i < states.size(); ++i) {
      EXPECT_LT(DisplayWidth(states[i]), columns) << states[i];
      drawn += !states[i].empty();
    }
  }
  EXPECT_GT(drawn, 0) << text;
}

Words Anneal(const TemporaryFolder& folder, const Words& more) {
  Words command = {kAnneal, "--steps=1", "--device=cpu", "--output_dir=" + (folder / "out")};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

Words Train(const TemporaryFolder& folder, const Words& more) {
  return Replacing({kTrain}, SmallTraining(folder / "out", Replacing({"--max_steps=3"}, more)));
}

Shown Ran(const Words& command) {
  const TemporaryFolder printed;
  Program program(printed, command);
  const int code = program.Wait();
  return {code, program.out() + program.error()};
}

TEST(TerminalTest, LiveLinesFitEveryWidth) {
  for (const unsigned short columns : {40, 80, 230}) {
    const TemporaryFolder folder;
    const Shown drawn = OnTerminal(Anneal(folder, {"--max_prompts=2"}), columns);
    EXPECT_EQ(drawn.code, 0) << drawn.text;
    ExpectLiveLinesWithin(drawn.text, columns);
    const Shown trained = OnTerminal(Train(folder, {"--output_dir=" + (folder / "run")}), columns);
    EXPECT_EQ(trained.code, 0) << trained.text;
    ExpectLiveLinesWithin(trained.text, columns);
    for (const char* part : {"step 3/3", "reward ", "ETA 0:00"})
      EXPECT_THAT(trained.text, HasSubstr(part));
    EXPECT_EQ(drawn.text.find('\x1b'), std::string::npos);
  }
}

TEST(TerminalTest, PhasesAreInTheLogAlone) {
  const TemporaryFolder folder;
  const Shown trained = OnTerminal(Train(folder, {}), 250);
  EXPECT_THAT(trained.text, Not(HasSubstr("backward")));
  EXPECT_THAT(Contents(folder / "out/log.jsonl"), HasSubstr("\"backward\""));
}

// 40 captions, of which 30 are cut; each comes many times.
std::string LongCaptions(const TemporaryFolder& folder) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "number " + std::to_string(i) + " ";
    for (int word = 0; word < (i < 30 ? 90 : 3); ++word) text += "star ";
    text += "\n";
  }
  return folder.Write("long.txt", text);
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(TerminalTest, WarningsComeOnceAndThenAsANumber) {
  const TemporaryFolder folder;
  const std::string captions = "--prompts=" + LongCaptions(folder);
  const Shown trained =
      OnTerminal(Train(folder, {captions, "--global_batch_size=8", "--micro_batch_size=2",
                                "--max_steps=10", "--output_dir=" + (folder / "run")}),
                 80);
  EXPECT_EQ(trained.code, 0) << trained.text;
  EXPECT_EQ(Count(trained.text, "train: warning: the caption "), 10U) << trained.text;
  EXPECT_THAT(trained.text, HasSubstr("\ntrain: warning: ... and 20 more captions were cut\r\n"));
  const Shown drawn = OnTerminal(Anneal(folder, {captions, "--weight_type=base,draft"}), 80);
  EXPECT_EQ(drawn.code, 0) << drawn.text;
  EXPECT_EQ(Count(drawn.text, "anneal: warning: the caption "), 10U) << drawn.text;
  EXPECT_THAT(drawn.text, HasSubstr("\nanneal: warning: ... and 20 more captions were cut\r\n"));
  for (const std::string& text : {trained.text, drawn.text}) {
    for (const std::string& line : Lines(text)) {
      const size_t at = line.find("warning: ");
      EXPECT_TRUE(at == std::string::npos || line.find('\r') == line.size() - 1) << line;
    }
  }
}

TEST(TerminalTest, ARunSaysWhatItDrawsAndWhatItKept) {
  const TemporaryFolder folder;
  const Words command =
      Anneal(folder, {"--weight_type=base", "--prompt=a circle, red", "--prompt=a star"});
  const Shown first = Ran(command);
  EXPECT_THAT(first.text, HasSubstr("draws 2 prompts with 1 weight type (base): 2 pictures of "));
  EXPECT_THAT(first.text, HasSubstr("\n2 pictures and overview.png in /"));
  EXPECT_THAT(first.text, EndsWith("/out\n"));
  EXPECT_EQ(Contents(folder / "out/annealed_outputs_sdxl_base/prompt_00000_00.txt"),
            "a circle, red");
  Words again = command;
  again.push_back("--skip_existing");
  const Shown second = Ran(again);
  EXPECT_THAT(second.text, HasSubstr("2/2 images  2 kept\n"));
  EXPECT_THAT(second.text, HasSubstr("0 pictures drawn, 2 kept"));
  EXPECT_THAT(second.text, Not(HasSubstr("images/s")));
}

TEST(TerminalTest, HelpFitsAndAnswers) {
  for (const char* program : {kAnneal, kTrain}) {
    const Shown brief = Ran({program, "--help"});
    const Shown all = Ran({program, "--help_all"});
    EXPECT_EQ(brief.code, 0);
    EXPECT_LT(Lines(brief.text).size(), Lines(all.text).size() * 3 / 4);
    EXPECT_THAT(brief.text, HasSubstr("--output_dir DIR"));
    for (const std::string& text : {brief.text, all.text})
      for (const std::string& line : Lines(text)) EXPECT_LE(DisplayWidth(line), 80) << line;
    for (const unsigned short columns : {40, 100})
      for (const std::string& line : Lines(OnTerminal({program, "--help_all"}, columns).text))
        EXPECT_LE(DisplayWidth(line.substr(0, line.find('\r'))), columns) << line;
    const Shown version = Ran({program, "--version"});
    EXPECT_EQ(version.code, 0);
    EXPECT_THAT(version.text, HasSubstr("LibTorch 2.11.0, with"));
  }
  EXPECT_THAT(Ran({kTrain, "--help_all"}).text, HasSubstr("--nocuda_graph switches it off"));
}

TEST(TerminalTest, ThePrintedConfigurationRepeatsTheRun) {
  const TemporaryFolder folder;
  const Words asked = {"--steps=3", "--seed=18446744073709551615", "--print_config"};
  for (const char* name : {"config.json", "config.yaml"}) {
    for (const char* program : {kAnneal, kTrain}) {
      Words command = {program};
      command.insert(command.end(), asked.begin(), asked.end());
      const Shown printed = Ran(command);
      EXPECT_EQ(printed.code, 0) << printed.text;
      EXPECT_THAT(printed.text, HasSubstr("\"steps\": 3"));
      const Shown again =
          Ran({program, "--config=" + folder.Write(name, printed.text), "--print_config"});
      EXPECT_EQ(again.text, printed.text);
    }
  }
}

TEST(TerminalTest, QuietLeavesTheLastLine) {
  const TemporaryFolder folder;
  const Shown drawn =
      Ran(Anneal(folder, {"--weight_type=base", "--prompt=a", "--quiet", "--order=3"}));
  EXPECT_THAT(drawn.text, StartsWith("1 picture and overview.png in /"));
  EXPECT_EQ(Lines(drawn.text).size(), 1U) << drawn.text;
  EXPECT_EQ(Lines(Ran(Train(folder, {"--quiet", "--output_dir=" + (folder / "run")})).text).size(),
            1U);
}

TEST(TerminalTest, TheLastOfARepeatedFlagCounts) {
  const TemporaryFolder folder;
  const Shown trained = Ran(Train(folder, {"--max_steps=3", "--max_steps=1"}));
  EXPECT_EQ(trained.code, 0) << trained.text;
  EXPECT_THAT(trained.text,
              HasSubstr("train: --max_steps is there 2 times; the last counts, \"1\"\n"));
  EXPECT_EQ(Lines(Contents(folder / "out/log.jsonl")).size(), 1U);
}

TEST(TerminalTest, FlagsWithoutEffectAreNoticed) {
  const TemporaryFolder folder;
  const Shown drawn = Ran(Anneal(folder, {"--prompt=a", "--weight_type=base", "--order=7"}));
  EXPECT_THAT(drawn.text, StartsWith("anneal: --order has no effect in this run: it belongs to "
                                     "--sampler lms\n"));
  const Shown trained = Ran(Train(folder, {"--lora=testdata/tiny_sdxl/lora", "--dry_run"}));
  EXPECT_THAT(trained.text, HasSubstr("train: --lora_rank has no effect in this run: the ranks of "
                                      "--lora count\n"));
  const Shown rho = Ran(Anneal(folder, {"--rho=500"}));
  EXPECT_EQ(rho.code, 2);
  EXPECT_EQ(rho.text, "anneal: --rho: found \"500\", expected a number from 1 to 100\n");
}

TEST(TerminalTest, ANewcomersFirstLineIsShort) {
  const TemporaryFolder folder;
  const Shown trained = Ran(Train(folder, {"--dry_run"}));
  EXPECT_THAT(trained.text,
              StartsWith("train: no --model: the embedded model with its recipe train.yaml\n"));
  const Shown wrong = Ran(Train(folder, {"--truncation_steps=30"}));
  EXPECT_THAT(wrong.text, Not(HasSubstr("train.yaml)")));
}

// `-` and `<(command)`, by a shell.
TEST(TerminalTest, PromptsComeThroughPipes) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const std::string flags = " --weight_type=base --steps=1 --output_dir=" + out;
  const auto first = [&] {
    return Contents(out + "/annealed_outputs_sdxl_base/prompt_00000_00.txt");
  };
  const Shown standard =
      Ran({"/bin/bash", "-c", "echo 'a star, red' | tools/anneal --prompts -" + flags});
  EXPECT_EQ(standard.code, 0) << standard.text;
  EXPECT_EQ(first(), "a star, red");
  std::filesystem::remove_all(out);
  const Shown substituted =
      Ran({"/bin/bash", "-c", "tools/anneal --prompts <(echo 'a circle')" + flags});
  EXPECT_EQ(substituted.code, 0) << substituted.text;
  EXPECT_EQ(first(), "a circle");
  EXPECT_THAT(Contents(out + "/run.json"), HasSubstr("\"a circle\""));
  Words train = Train(folder, {"--prompts=-", "--output_dir=" + (folder / "run")});
  std::string line = "printf 'a star\\na circle\\n' |";
  for (const std::string& word : train) line += " " + word;
  const Shown trained = Ran({"/bin/bash", "-c", line});
  EXPECT_EQ(trained.code, 0) << trained.text;
}

// The original's model.data.webdataset.local_root_path is a folder.
TEST(TerminalTest, AFolderOfCaptionsIsTrainedOn) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "captions");
  folder.Write("captions/a.txt", "a star\n");
  const Shown trained =
      Ran(Train(folder, {"model.data.webdataset.local_root_path=" + (folder / "captions")}));
  EXPECT_EQ(trained.code, 0) << trained.text;
  EXPECT_THAT(trained.text, HasSubstr("of 1 caption"));
}

}  // namespace
}  // namespace draftp
