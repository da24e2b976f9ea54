#include "draftp/shard/local_launch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::draftp::testing::Contents;
using ::draftp::testing::FailsWith;
using ::draftp::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::UnorderedElementsAre;

constexpr int kStatusCode = 99;  // of a launcher that returned a status

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Whether `condition` came true within a generous time.
bool Eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

LocalLaunchOptions Shells(int processes, const std::string& script) {
  return {.processes = processes, .program = "/bin/sh", .arguments = {"sh", "-c", script}};
}

// LaunchLocally in a process of its own, whose output goes to files.
class Launcher {
 public:
  // `before` is called in that process.
  explicit Launcher(
      const LocalLaunchOptions& options, const std::function<void()>& before = [] {}) {
    process_ = fork();
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Redirect("out", STDOUT_FILENO);
    Redirect("err", STDERR_FILENO);
    before();
    const absl::StatusOr<int> code = LaunchLocally(options);
    if (code.ok()) _exit(*code);
    const std::string message = code.status().ToString() + "\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, message.data(), message.size());
    // No process is left, not even one to wait for.
    _exit(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD ? kStatusCode : 98);
  }
  ~Launcher() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Waits for its end: its exit code, 128 + signal where one ended it, -1 if it doesn't end.
  int Code() {
    int status = 0;
    if (!Eventually([&] { return waitpid(process_, &status, WNOHANG) == process_; })) return -1;
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void Signal(int signal) const { kill(process_, signal); }
  bool Prints(const std::string& line, int times = 1) const {
    return Eventually([&] {
      const auto lines = LinesOf(Out());
      return std::count(lines.begin(), lines.end(), line) >= times;
    });
  }
  bool PrintsOfBoth(const std::string& text) const {
    return Prints("[0] " + text) && Prints("[1] " + text);
  }
  std::string Out() const { return Contents(folder_ / "out"); }
  std::string Error() const { return Contents(folder_ / "err"); }
  // Lines on standard error that aren't those of a process.
  std::vector<std::string> Said() const {
    std::vector<std::string> lines = LinesOf(Error());
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("["); });
    return lines;
  }

 private:
  void Redirect(const std::string& name, int stream) const {
    const int file =
        open((folder_ / name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(file, stream);
  }

  TemporaryFolder folder_;
  pid_t process_ = -1;
};

std::vector<std::string> OutputOf(
    const LocalLaunchOptions& options, const std::function<void()>& before = [] {}) {
  Launcher launcher(options, before);
  EXPECT_EQ(launcher.Code(), 0);
  EXPECT_EQ(launcher.Error(), "");
  return LinesOf(launcher.Out());
}

// Runs until it is signalled; a trap's commands run within a moment.
const std::string kStay = "while :; do sleep 0.02; done";

TEST(LocalLaunchTest, TellsEachProcessItsPlace) {
  EXPECT_THAT(OutputOf(Shells(3,
                              "echo $RANK $LOCAL_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE "
                              "$MASTER_ADDR $DRAFTP_LAUNCHER")),
              UnorderedElementsAre("[0] 0 0 3 3 127.0.0.1 --nproc", "[1] 1 1 3 3 127.0.0.1 --nproc",
                                   "[2] 2 2 3 3 127.0.0.1 --nproc"));
}

TEST(LocalLaunchTest, ReplacesWhatAnotherLauncherSet) {
  const auto lines = OutputOf(
      Shells(2,
             "echo $(env | grep -cE '^(RANK|MASTER_PORT)=') $(env | grep -c TORCHELASTIC) $KEPT "
             "$RANK ${DRAFTP_STORE_FD:+fd}"),
      [] {
        for (const char* name : {"RANK", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "KEPT",
                                 "TORCHELASTIC_USE_AGENT_STORE", "DRAFTP_STORE_FD"}) {
          setenv(name, "77", 1);
        }
      });
  EXPECT_THAT(lines, UnorderedElementsAre("[0] 2 0 77 0 fd", "[1] 2 0 77 1"));
}

TEST(LocalLaunchTest, SharesTheProcessorsUnlessToldOtherwise) {
  const std::string both = "echo $OMP_NUM_THREADS $(env -u OMP_NUM_THREADS nproc)";
  for (const int processes : {1, 2, 3}) {
    const auto lines = OutputOf(Shells(processes, both), [] { unsetenv("OMP_NUM_THREADS"); });
    ASSERT_EQ(lines.size(), static_cast<size_t>(processes));
    std::istringstream words(lines[0].substr(4));
    int threads = 0, processors = 0;
    words >> threads >> processors;
    EXPECT_EQ(threads, std::max(1, processors / processes));
  }
  EXPECT_THAT(OutputOf(Shells(1, both), [] { setenv("OMP_NUM_THREADS", "123", 1); }),
              ElementsAre(HasSubstr("[0] 123 ")));
}

TEST(LocalLaunchTest, HandsArgumentsOnAsTheyAre) {
  LocalLaunchOptions options = Shells(1, "echo \"$0|$1|$2\"");
  options.arguments.insert(options.arguments.end(), {"zero", "a b", "--nproc"});
  EXPECT_THAT(OutputOf(options), ElementsAre("[0] zero|a b|--nproc"));
}

TEST(LocalLaunchTest, RunsItsOwnProgramUnlessToldOtherwise) {
  const LocalLaunchOptions options = {.processes = 1, .arguments = {"again", "--gtest_list_tests"}};
  EXPECT_THAT(OutputOf(options), ::testing::Contains("[0] LocalLaunchTest."));
}

TEST(LocalLaunchTest, PutsRanksBeforeTheLinesOfBothStreams) {
  Launcher launcher(Shells(2, "echo a$RANK; echo b$RANK >&2; printf 'c\\n\\nlast'"));
  EXPECT_EQ(launcher.Code(), 0);
  EXPECT_THAT(LinesOf(launcher.Out()), UnorderedElementsAre("[0] a0", "[0] c", "[0] ", "[0] last",
                                                            "[1] a1", "[1] c", "[1] ", "[1] last"));
  EXPECT_THAT(LinesOf(launcher.Error()), UnorderedElementsAre("[0] b0", "[1] b1"));
}

TEST(LocalLaunchTest, KeepsTheLinesOfOneProcessInOrderAndWhole) {
  const auto lines = OutputOf(Shells(2,
                                     "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); "
                                     "echo $i-abcdefghijklmnopqrstuvwxyz; done"));
  int next[2] = {1, 1};
  ASSERT_EQ(lines.size(), 4000u);
  for (const std::string& line : lines) {
    ASSERT_TRUE(line.starts_with("[0] ") || line.starts_with("[1] ")) << line;
    int& number = next[line[1] - '0'];
    ASSERT_EQ(line.substr(4), std::to_string(number++) + "-abcdefghijklmnopqrstuvwxyz");
  }
}

TEST(LocalLaunchTest, CutsLinesAbove64KiB) {
  const auto lines = OutputOf(Shells(1, "head -c 150000 /dev/zero | tr '\\0' x"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "[0] " + std::string(65536, 'x'));
  EXPECT_EQ(lines[1], lines[0]);
  EXPECT_EQ(lines[2], "[0] " + std::string(150000 - 2 * 65536, 'x'));
}

TEST(LocalLaunchTest, ALineOf64KiBIsOne) {
  const auto lines = OutputOf(Shells(1, "head -c 65536 /dev/zero | tr '\\0' x; echo; echo y"));
  EXPECT_THAT(lines, ElementsAre("[0] " + std::string(65536, 'x'), "[0] y"));
}

TEST(LocalLaunchTest, LiveLeavesTheStreamsOfRankZeroAlone) {
  LocalLaunchOptions options = Shells(2, "printf '\\ra'; printf '\\rb' >&2");
  options.live = true;
  Launcher launcher(options);
  EXPECT_EQ(launcher.Code(), 0);
  EXPECT_THAT(launcher.Out(), ::testing::AnyOf("\ra[1] \ra\n", "[1] \ra\n\ra"));
  EXPECT_THAT(launcher.Error(), ::testing::AnyOf("\rb[1] \rb\n", "[1] \rb\n\rb"));
}

TEST(LocalLaunchTest, ProcessesReadNothingAndHaveNoSignalBlocked) {
  const auto lines = OutputOf(
      Shells(1,
             "readlink /proc/$$/fd/0; set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo leads; "
             "exec grep SigBlk /proc/self/status"),
      [] {
        sigset_t signals;
        sigfillset(&signals);
        sigprocmask(SIG_BLOCK, &signals, nullptr);
        dup2(STDOUT_FILENO, STDIN_FILENO);
      });
  EXPECT_THAT(lines, ElementsAre("[0] /dev/null", "[0] leads", "[0] SigBlk:\t0000000000000000"));
}

TEST(LocalLaunchTest, StandardStreamsMayBeClosed) {
  TemporaryFolder folder;
  Launcher launcher(Shells(2,
                           "echo $RANK $(readlink /proc/$$/fd/${DRAFTP_STORE_FD:-0} | cut -c1-6) "
                           ">>" +
                               (folder / "ran")),
                    [] {
                      for (const int stream : {0, 1, 2}) close(stream);
                    });
  EXPECT_EQ(launcher.Code(), 0);
  EXPECT_THAT(LinesOf(Contents(folder / "ran")), UnorderedElementsAre("0 socket", "1 /dev/n"));
}

// Rank 1 fails with 3 once the others, which have `trap` for SIGTERM, stay.
std::string RankOneFails(const std::string& trap, const std::string& folder) {
  return "cd " + folder + "; if [ $RANK = 1 ]; then while [ ! -e 0 ] || [ ! -e 2 ]; do " +
         "sleep 0.02; done; exit 3; fi; trap '" + trap + "' TERM; : >$RANK; " + kStay;
}

TEST(LocalLaunchTest, TheFirstFailureIsTheCode) {
  TemporaryFolder folder;
  LocalLaunchOptions options = Shells(3, RankOneFails("echo ended; exit 5", folder.path()));
  options.patience_seconds = 0;
  Launcher launcher(options);
  EXPECT_EQ(launcher.Code(), 3);
  EXPECT_THAT(LinesOf(launcher.Out()), UnorderedElementsAre("[0] ended", "[2] ended"));
  EXPECT_THAT(launcher.Said(), IsEmpty());
}

TEST(LocalLaunchTest, OthersMayEndByThemselves) {
  LocalLaunchOptions options =
      Shells(2, "[ $RANK = 1 ] && exit 3; trap 'echo asked' TERM; sleep 0.3; echo done");
  options.patience_seconds = 60;
  Launcher launcher(options);
  EXPECT_EQ(launcher.Code(), 3);
  EXPECT_EQ(launcher.Out(), "[0] done\n");
}

TEST(LocalLaunchTest, KillsWhoDoesNotEnd) {
  TemporaryFolder folder;
  LocalLaunchOptions options = Shells(3, RankOneFails("", folder.path()));
  options.patience_seconds = 0;
  options.grace_seconds = 0.2;
  Launcher launcher(options);
  EXPECT_EQ(launcher.Code(), 3);
  const std::string end = " \\(process [0-9]+\\) didn't end within 0\\.2 seconds and is killed";
  EXPECT_THAT(launcher.Said(),
              ElementsAre(MatchesRegex("sh: rank 0" + end), MatchesRegex("sh: rank 2" + end)));
}

TEST(LocalLaunchTest, NamesTheSignalThatEndedAProcess) {
  LocalLaunchOptions options = Shells(3, "[ $RANK = 2 ] && kill -9 $$; exec sleep 1000");
  options.patience_seconds = 0;
  Launcher launcher(options);
  EXPECT_EQ(launcher.Code(), 128 + SIGKILL);
  EXPECT_THAT(launcher.Said(),
              ElementsAre(MatchesRegex(
                  "sh: rank 2 \\(process [0-9]+\\) was ended by signal 9 \\(Killed\\); the "
                  "other processes are ended")));
}

TEST(LocalLaunchTest, ASignalThatEndedTheLastProcessEndsNoOthers) {
  Launcher launcher(Shells(1, "kill -11 $$"));
  EXPECT_EQ(launcher.Code(), 128 + SIGSEGV);
  EXPECT_THAT(launcher.Said(),
              ElementsAre(MatchesRegex("sh: rank 0 \\(process [0-9]+\\) was ended by signal 11 "
                                       "\\(Segmentation fault\\)")));
}

TEST(LocalLaunchTest, HandsSignalsOnToAll) {
  for (const auto& [name, signal] :
       {std::pair("INT", SIGINT), std::pair("TERM", SIGTERM), std::pair("HUP", SIGHUP),
        std::pair("USR1", SIGUSR1), std::pair("XCPU", SIGXCPU)}) {
    const std::string code = std::to_string(128 + signal);
    Launcher launcher(Shells(2, std::string("trap 'echo got ") + name + "; exit " + code + "' " +
                                    name + "; echo ready; " + kStay));
    ASSERT_TRUE(launcher.PrintsOfBoth("ready"));
    launcher.Signal(signal);
    EXPECT_EQ(launcher.Code(), 128 + signal);
    EXPECT_THAT(launcher.Out(), AllOf(HasSubstr(std::string("[0] got ") + name),
                                      HasSubstr(std::string("[1] got ") + name)));
    EXPECT_THAT(launcher.Said(), IsEmpty());
  }
}

TEST(LocalLaunchTest, HandsTheSecondSignalOnToo) {
  Launcher launcher(
      Shells(2, "trap 'n=1$n; echo got $n; [ $n = 11 ] && exit 143' TERM; echo ready; " + kStay));
  ASSERT_TRUE(launcher.PrintsOfBoth("ready"));
  launcher.Signal(SIGTERM);
  ASSERT_TRUE(launcher.PrintsOfBoth("got 1"));
  launcher.Signal(SIGTERM);
  EXPECT_EQ(launcher.Code(), 128 + SIGTERM);
}

// Saves for so many seconds at the first SIGTERM and ends at once at the second.
std::string Saving(int seconds) {
  return "trap 'trap \"exit 9\" TERM; sleep " + std::to_string(seconds) +
         " && echo saved; exit 143' TERM; echo ready; " + kStay;
}

TEST(LocalLaunchTest, WhoEndsAsAskedHasNotFailed) {
  LocalLaunchOptions options =
      Shells(2, "[ $RANK = 1 ] && echo ready && exec sleep 1000; " + Saving(1));
  options.patience_seconds = 0;  // a second SIGTERM would come at once
  Launcher launcher(options);
  ASSERT_TRUE(launcher.PrintsOfBoth("ready"));
  launcher.Signal(SIGTERM);
  EXPECT_EQ(launcher.Code(), 128 + SIGTERM);
  EXPECT_THAT(launcher.Out(), HasSubstr("[0] saved"));
  EXPECT_THAT(launcher.Said(), IsEmpty());
}

TEST(LocalLaunchTest, AFailureCountsBeforeAnEndThatWasAskedFor) {
  Launcher launcher(
      Shells(2, "trap '[ $RANK = 1 ] && exit 143; sleep 0.3; exit 1' TERM; echo ready; " + kStay));
  ASSERT_TRUE(launcher.PrintsOfBoth("ready"));
  launcher.Signal(SIGTERM);
  EXPECT_EQ(launcher.Code(), 1);
}

TEST(LocalLaunchTest, WhoeverWasSignalledWithAllOthersHasNotFailed) {
  LocalLaunchOptions options =
      Shells(2, "[ $RANK = 1 ] && echo $$ && exec sleep 1000; " + Saving(3));
  options.patience_seconds = 2;
  Launcher launcher(options);
  ASSERT_TRUE(Eventually([&] { return LinesOf(launcher.Out()).size() == 2; }));
  const std::string out = launcher.Out();
  kill(std::stoi(out.substr(out.find("[1] ") + 4)), SIGTERM);
  ASSERT_TRUE(Eventually([&] { return launcher.Said().size() == 1; }));
  launcher.Signal(SIGTERM);  // which the launcher gets last
  EXPECT_EQ(launcher.Code(), 128 + SIGTERM);
  EXPECT_THAT(launcher.Out(), HasSubstr("[0] saved"));
}

TEST(LocalLaunchTest, ASignalThatWasIgnoredIsNotHandedOn) {
  TemporaryFolder folder;
  Launcher launcher(Shells(1,
                           "exec env --default-signal=HUP sh -c 'trap \"echo got\" HUP; "
                           "echo ready; while [ ! -e " +
                               (folder / "end") + " ]; do sleep 0.02; done'"),
                    [] { std::signal(SIGHUP, SIG_IGN); });
  ASSERT_TRUE(launcher.Prints("[0] ready"));
  launcher.Signal(SIGHUP);
  folder.Write("end", "");
  EXPECT_EQ(launcher.Code(), 0);
  EXPECT_EQ(launcher.Out(), "[0] ready\n");
}

TEST(LocalLaunchTest, LivesWithAnIgnoredSigchld) {
  EXPECT_THAT(OutputOf(Shells(2, "echo ran"), [] { std::signal(SIGCHLD, SIG_IGN); }),
              UnorderedElementsAre("[0] ran", "[1] ran"));
}

TEST(LocalLaunchTest, AReaderThatGoesEndsAllByTheSignalForIt) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Launcher launcher(Shells(2,
                           "trap 'echo got >&2; exit 141' PIPE; echo ready >&2; "
                           "while [ $RANK = 1 ]; do sleep 0.02; done; while :; do echo line; done"),
                    [&] {
                      dup2(ends[1], STDOUT_FILENO);
                      close(ends[0]);
                    });
  close(ends[1]);
  EXPECT_TRUE(Eventually([&] { return LinesOf(launcher.Error()).size() == 2; }));
  close(ends[0]);
  EXPECT_EQ(launcher.Code(), 128 + SIGPIPE);
  EXPECT_THAT(launcher.Error(), AllOf(HasSubstr("[0] got"), HasSubstr("[1] got")));
  EXPECT_THAT(launcher.Said(), IsEmpty());
}

TEST(LocalLaunchTest, AReaderThatStopsDoesNotKeepSignalsFromProcesses) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Launcher launcher(Shells(1, "trap 'echo asked >&2; exit 143' TERM; echo ready >&2; " +
                                  std::string("while :; do head -c 100000 /dev/zero; echo; done")),
                    [&] { dup2(ends[1], STDOUT_FILENO); });
  close(ends[1]);
  ASSERT_TRUE(Eventually([&] { return launcher.Error() == "[0] ready\n"; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // until the pipes are full
  ASSERT_TRUE(Eventually([&] {
    launcher.Signal(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return launcher.Error().find("[0] asked\n") != std::string::npos;
  }));
  launcher.Signal(SIGTERM);
  EXPECT_EQ(launcher.Code(), 128 + SIGTERM);
  close(ends[0]);
}

TEST(LocalLaunchTest, ASlowReaderGetsAll) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  constexpr size_t kSize = 5'000'000;
  TemporaryFolder folder;
  Launcher launcher(Shells(1, "head -c 5000000 /dev/zero | tr '\\0' x; : >" + (folder / "done")),
                    [&] { dup2(ends[1], STDOUT_FILENO); });
  close(ends[1]);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_THAT(folder.Names(), IsEmpty()) << "the launcher keeps what nobody reads";
  size_t found = 0;
  char bytes[4096];
  for (ssize_t size; (size = read(ends[0], bytes, sizeof bytes)) > 0;) {
    found += static_cast<size_t>(std::count(bytes, bytes + size, 'x'));
  }
  close(ends[0]);
  EXPECT_EQ(found, kSize);
  EXPECT_EQ(launcher.Code(), 0);
}

TEST(LocalLaunchTest, ALineOf4KiBAppearsWholeBetweenThoseOfOthers) {
  const auto lines = OutputOf(Shells(2,
                                     "line=$(head -c 4000 /dev/zero | tr '\\0' $RANK); i=0; "
                                     "while [ $i -lt 200 ]; do i=$((i+1)); echo $line; done"));
  ASSERT_EQ(lines.size(), 400u);
  for (const std::string& line : lines) {
    ASSERT_EQ(line, "[" + line.substr(1, 1) + "] " + std::string(4000, line[1]));
  }
}

TEST(LocalLaunchTest, WaitsForNothingThatProcessesLeaveBehind) {
  Launcher launcher(Shells(1, "sleep 1000 & printf $!"));
  EXPECT_EQ(launcher.Code(), 0);
  const std::string out = launcher.Out();
  ASSERT_THAT(out, MatchesRegex("\\[0\\] [0-9]+\n"));
  EXPECT_EQ(kill(std::stoi(out.substr(4)), SIGKILL), 0);
}

TEST(LocalLaunchTest, ProcessesDieWithAKilledLauncher) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // they become this process's children
  Launcher launcher(Shells(2, "echo $RANK $$; trap '' HUP TERM INT PIPE; exec sleep 1000"));
  ASSERT_TRUE(Eventually([&] { return LinesOf(launcher.Out()).size() == 2; }));
  const auto lines = LinesOf(launcher.Out());
  launcher.Signal(SIGKILL);
  EXPECT_EQ(launcher.Code(), 128 + SIGKILL);
  for (const std::string& line : lines) {
    const pid_t process = std::stoi(line.substr(line.rfind(' ')));
    int status = 0;
    EXPECT_TRUE(Eventually([&] { return waitpid(process, &status, WNOHANG) == process; })) << line;
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << line;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

bool Connects(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool connected =
      connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(descriptor);
  return connected;
}

TEST(LocalLaunchTest, RankZeroHoldsAListeningSocketAtThePort) {
  Launcher launcher(Shells(2,
                           "trap 'exit 0' USR1; echo $MASTER_PORT; "
                           "[ $RANK = 0 ] && readlink /proc/$$/fd/$DRAFTP_STORE_FD; " +
                               kStay));
  ASSERT_TRUE(Eventually([&] { return LinesOf(launcher.Out()).size() == 3; }));
  std::string socket, port;
  for (const std::string& line : LinesOf(launcher.Out())) {
    (line.find("socket:") != line.npos ? socket : port) = line.substr(4);
  }
  EXPECT_THAT(socket, MatchesRegex("socket:\\[[0-9]+\\]"));
  EXPECT_TRUE(Connects(std::stoi(port)));
  launcher.Signal(SIGUSR1);
  EXPECT_EQ(launcher.Code(), 0);
  EXPECT_FALSE(Connects(std::stoi(port)));
}

TEST(LocalLaunchTest, NobodyButRankZeroHasTheSocket) {
  TemporaryFolder folder;
  const std::string gone = folder / "gone";
  // Rank 0 ends, and with it the socket, while the launcher and rank 1 live.
  Launcher launcher(
      Shells(2, "echo ${DRAFTP_STORE_FD:+has} $MASTER_PORT; [ $RANK = 0 ] && exit 0; " +
                    std::string("while [ ! -e ") + gone + " ]; do sleep 0.02; done"));
  ASSERT_TRUE(Eventually([&] { return LinesOf(launcher.Out()).size() == 2; }));
  std::string port;
  for (const std::string& line : LinesOf(launcher.Out())) {
    EXPECT_EQ(line.find("has") != line.npos, line.starts_with("[0]")) << line;
    port = line.substr(line.rfind(' ') + 1);
  }
  EXPECT_TRUE(Eventually([&] { return !Connects(std::stoi(port)); }));
  folder.Write("gone", "");
  EXPECT_EQ(launcher.Code(), 0);
}

TEST(LocalLaunchTest, RejectsNoProcesses) {
  for (const int processes : {0, -1}) {
    const auto code = LaunchLocally(Shells(processes, "exit 0"));
    EXPECT_THAT(code, FailsWith("--nproc: found " + std::to_string(processes)));
    EXPECT_EQ(code.status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(LaunchLocally({.processes = 1}), FailsWith("expected the program's name"));
}

TEST(LocalLaunchTest, SaysThatAProgramCannotBeRun) {
  LocalLaunchOptions options = Shells(2, "");
  options.program = "/no/such/program";
  Launcher launcher(options);
  EXPECT_EQ(launcher.Code(), kStatusCode);
  EXPECT_EQ(launcher.Error(),
            "NOT_FOUND: /no/such/program: can't run it: No such file or directory\n");
}

TEST(LocalLaunchTest, EndsWhatItStartedWhenDescriptorsRunOut) {
  Launcher launcher(Shells(50, "exec sleep 1000"), [] {
    const rlimit limit{40, 40};
    setrlimit(RLIMIT_NOFILE, &limit);
  });
  EXPECT_EQ(launcher.Code(), kStatusCode);
  EXPECT_EQ(launcher.Error(),
            "RESOURCE_EXHAUSTED: can't make pipes for the processes: Too many open files\n");
}

TEST(LocalLaunchTest, EndsWhatItStartedWhenProcessesRunOut) {
  if (getuid() != 0) GTEST_SKIP() << "needs a user that has no other process";
  constexpr int kNoSuchUser = 97;
  Launcher launcher(Shells(5, "exec sleep 1000"), [] {
    const rlimit limit{3, 3};
    setrlimit(RLIMIT_NPROC, &limit);
    if (setuid(static_cast<uid_t>(20000 + getpid() % 40000)) != 0) _exit(kNoSuchUser);
  });
  const int code = launcher.Code();
  if (code == kNoSuchUser) GTEST_SKIP() << "needs a user that has no other process";
  EXPECT_EQ(code, kStatusCode);
  EXPECT_THAT(launcher.Error(), MatchesRegex("RESOURCE_EXHAUSTED: can't start process 3 of 5: "
                                             "Resource temporarily unavailable\n"));
}

TEST(LocalLaunchTest, LeavesSignalsAsTheyWere) {
  sigset_t before, after;
  sigprocmask(SIG_BLOCK, nullptr, &before);
  const absl::StatusOr<int> code = LaunchLocally(Shells(1, "exit 7"));
  sigprocmask(SIG_BLOCK, nullptr, &after);
  EXPECT_EQ(code.value_or(-1), 7);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGPIPE}) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST(LocalLaunchTest, LeavesNoDescriptorOpen) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = count();
  EXPECT_EQ(LaunchLocally(Shells(3, "exit 0")).value_or(-1), 0);
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace draftp
