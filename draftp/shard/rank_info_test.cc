#include "draftp/shard/rank_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <set>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::draftp::testing::FailsWith;

using Variables = std::map<std::string, std::string>;

absl::StatusOr<RankInfo> RankInfoOf(const Variables& variables) {
  return RankInfoFrom([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

Variables With(Variables variables, const Variables& changes) {
  for (const auto& [name, value] : changes) variables[name] = value;
  return variables;
}

Variables Without(Variables variables, const std::string& name) {
  EXPECT_EQ(variables.erase(name), 1u) << name;
  return variables;
}

// As torchrun of PyTorch 2.11 has them for the last worker of 2 nodes of 4.
const Variables kTorchrun = {{"RANK", "7"},
                             {"WORLD_SIZE", "8"},
                             {"LOCAL_RANK", "3"},
                             {"LOCAL_WORLD_SIZE", "4"},
                             {"MASTER_ADDR", "node0"},
                             {"MASTER_PORT", "29500"},
                             {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                             {"TORCHELASTIC_RESTART_COUNT", "2"},
                             {"TORCHELASTIC_RUN_ID", "job"}};

const Variables kByHand = {
    {"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "here"}, {"MASTER_PORT", "1234"}};

// The sixth of 11 tasks on three nodes of 4, 4 and 3.
const Variables kSrun = {{"SLURM_PROCID", "5"},
                         {"SLURM_STEP_NUM_TASKS", "11"},
                         {"SLURM_LOCALID", "1"},
                         {"SLURM_NODEID", "1"},
                         {"SLURM_STEP_TASKS_PER_NODE", "4(x2),3"},
                         {"SLURM_STEP_NODELIST", "node[003-005]"},
                         {"SLURM_JOB_NODELIST", "node[001-005]"},
                         {"SLURM_JOB_ID", "123456"},
                         {"SLURM_STEP_ID", "0"}};

const Variables kMpirun = {{"OMPI_COMM_WORLD_RANK", "1"},
                           {"OMPI_COMM_WORLD_SIZE", "4"},
                           {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                           {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                           {"PMIX_NAMESPACE", "3141992449"}};

TEST(RankInfoTest, IsOneProcessWithoutALauncher) {
  const absl::StatusOr<RankInfo> info = RankInfoOf({{"MASTER_ADDR", "x"}, {"LOCAL_RANK", "3"}});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rank, 0);
  EXPECT_EQ(info->size, 1);
  EXPECT_EQ(info->local_size, 1);
  EXPECT_EQ(info->host, "");
  EXPECT_EQ(info->launcher, "");
  EXPECT_FALSE(info->distributed());
}

TEST(RankInfoTest, ReadsWhatTorchrunSets) {
  const absl::StatusOr<RankInfo> info = RankInfoOf(kTorchrun);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rank, 7);
  EXPECT_EQ(info->size, 8);
  EXPECT_EQ(info->local_rank, 3);
  EXPECT_EQ(info->local_size, 4);
  EXPECT_EQ(info->host, "node0");
  EXPECT_EQ(info->port, 29500);
  EXPECT_EQ(info->prefix, "job/2");
  EXPECT_EQ(info->launcher, "torchrun");
  EXPECT_EQ(info->store_fd, -1);
  EXPECT_TRUE(info->agent_store);
  EXPECT_TRUE(info->distributed());
}

TEST(RankInfoTest, LeavesTheStoreToTheAgentAtExactlyTrueAlone) {
  for (const char* text : {"False", "true", "1", ""}) {
    EXPECT_FALSE(RankInfoOf(With(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", text}}))->agent_store)
        << text;
  }
}

TEST(RankInfoTest, TakesRanksSetByHand) {
  const absl::StatusOr<RankInfo> info = RankInfoOf(With(kByHand, {{"RANK", "1"}}));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->launcher, "RANK and WORLD_SIZE");
  EXPECT_EQ(info->prefix, "");
  EXPECT_EQ(info->local_rank, 0);
  EXPECT_EQ(info->local_size, 1);
  EXPECT_FALSE(info->agent_store);
}

TEST(RankInfoTest, FindsTheLocalRankByTheLocalSize) {
  const Variables eight = With(Without(kTorchrun, "LOCAL_RANK"), {{"RANK", "6"}});
  EXPECT_EQ(RankInfoOf(eight)->local_rank, 2);
  EXPECT_EQ(RankInfoOf(eight)->local_size, 4);
}

TEST(RankInfoTest, HandsTheStoresSocketToRankZeroAlone) {
  const Variables launched =
      With(kByHand, {{"DRAFTP_LAUNCHER", "--nproc"}, {"DRAFTP_STORE_FD", "5"}});
  EXPECT_EQ(RankInfoOf(launched)->store_fd, 5);
  EXPECT_EQ(RankInfoOf(launched)->launcher, "--nproc");
  EXPECT_EQ(RankInfoOf(With(launched, {{"RANK", "1"}}))->store_fd, -1);
  EXPECT_THAT(RankInfoOf(With(launched, {{"DRAFTP_STORE_FD", "2"}})),
              FailsWith("DRAFTP_STORE_FD: found \"2\", expected an integer from 3"));
}

TEST(RankInfoTest, OneProcessNeedsNoStore) {
  const absl::StatusOr<RankInfo> info =
      RankInfoOf({{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"DRAFTP_STORE_FD", "5"}});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->host, "");
  EXPECT_EQ(info->store_fd, -1);
}

TEST(RankInfoTest, RejectsOneOfRankAndWorldSize) {
  EXPECT_THAT(RankInfoOf({{"RANK", "3"}}),
              FailsWith("RANK: found 3 without WORLD_SIZE, expected both (torchrun sets them) or "
                        "none"));
  EXPECT_THAT(RankInfoOf({{"WORLD_SIZE", "8"}, {"RANK", ""}}),
              FailsWith("WORLD_SIZE: found 8 without RANK"));
  EXPECT_EQ(RankInfoOf({{"RANK", "3"}}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RankInfoTest, RejectsRanksBeyondTheSize) {
  EXPECT_THAT(RankInfoOf(With(kTorchrun, {{"RANK", "8"}})),
              FailsWith("RANK: found 8, expected less than WORLD_SIZE, 8"));
  EXPECT_THAT(RankInfoOf(With(kTorchrun, {{"LOCAL_RANK", "4"}})),
              FailsWith("LOCAL_RANK: found 4, expected less than LOCAL_WORLD_SIZE, 4"));
  EXPECT_THAT(RankInfoOf(With(kTorchrun, {{"LOCAL_WORLD_SIZE", "9"}})),
              FailsWith("LOCAL_WORLD_SIZE: found 9, expected at most WORLD_SIZE, 8"));
}

TEST(RankInfoTest, RejectsWhatIsNoNumberOfItsRange) {
  for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT",
                           "TORCHELASTIC_RESTART_COUNT"}) {
    for (const char* text : {"x", "1x", " 1", "+1", "-1", "1.0", "0x1", "99999999999999999999"}) {
      EXPECT_THAT(RankInfoOf(With(kTorchrun, {{name, text}})),
                  FailsWith(std::string(name) + ": found \"" + text + "\", expected an integer"));
    }
  }
  EXPECT_THAT(RankInfoOf(With(kByHand, {{"WORLD_SIZE", "0"}})), FailsWith("integer from 1 to"));
  EXPECT_THAT(RankInfoOf(With(kByHand, {{"MASTER_PORT", "0"}})), FailsWith("from 1 to 65535"));
  EXPECT_THAT(RankInfoOf(With(kByHand, {{"MASTER_PORT", "65536"}})), FailsWith("from 1 to 65535"));
}

TEST(RankInfoTest, ShowsWhatItFoundOnOneShortLine) {
  const auto info = RankInfoOf(With(kByHand, {{"RANK", "a\nb" + std::string(1000, 'c')}}));
  EXPECT_THAT(info, FailsWith("RANK: found \"a\\x0abccc"));
  EXPECT_LT(info.status().message().size(), 200u);
}

TEST(RankInfoTest, NeedsAddressAndPortOfSeveralProcesses) {
  EXPECT_THAT(RankInfoOf(Without(kByHand, "MASTER_ADDR")),
              FailsWith("MASTER_ADDR: found none with 2 processes"));
  EXPECT_THAT(RankInfoOf(With(kByHand, {{"MASTER_ADDR", ""}})), FailsWith("MASTER_ADDR"));
  EXPECT_THAT(RankInfoOf(Without(kByHand, "MASTER_PORT")),
              FailsWith("MASTER_PORT: found none with 2 processes"));
}

TEST(RankInfoTest, ReadsWhatSrunSets) {
  const absl::StatusOr<RankInfo> info = RankInfoOf(kSrun);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rank, 5);
  EXPECT_EQ(info->size, 11);
  EXPECT_EQ(info->local_rank, 1);
  EXPECT_EQ(info->local_size, 4);
  EXPECT_EQ(info->host, "node003");
  EXPECT_EQ(info->port, 20000 + 123456 % 12000);
  EXPECT_EQ(info->launcher, "srun");
}

TEST(RankInfoTest, CountsTheTasksOfItsOwnNode) {
  EXPECT_EQ(RankInfoOf(With(kSrun, {{"SLURM_NODEID", "2"}}))->local_size, 3);
  EXPECT_EQ(RankInfoOf(Without(kSrun, "SLURM_NODEID"))->local_size, 2);
  EXPECT_EQ(RankInfoOf(Without(kSrun, "SLURM_STEP_TASKS_PER_NODE"))->local_size, 2);
  EXPECT_THAT(RankInfoOf(With(kSrun, {{"SLURM_NODEID", "3"}})),
              FailsWith("SLURM_STEP_TASKS_PER_NODE: found \"4(x2),3\", expected the tasks of node "
                        "3"));
  for (const char* text :
       {"4(x),3", "four", "4(x2", "(x2)", "0(x2)", ",4", "4(x0),4,4", "4(x-1),4"}) {
    EXPECT_THAT(RankInfoOf(With(kSrun, {{"SLURM_STEP_TASKS_PER_NODE", text}})),
                FailsWith(std::string("SLURM_STEP_TASKS_PER_NODE: found \"") + text));
  }
}

TEST(RankInfoTest, TheShellOfAnSbatchScriptIsOneProcess) {
  const Variables batch = {{"SLURM_PROCID", "0"},     {"SLURM_LOCALID", "0"},
                           {"SLURM_NTASKS", "8"},     {"SLURM_NPROCS", "8"},
                           {"SLURM_JOB_ID", "12345"}, {"SLURM_JOB_NODELIST", "node[1-2]"}};
  EXPECT_FALSE(RankInfoOf(batch)->distributed());
  EXPECT_FALSE(RankInfoOf(With(batch, {{"SLURM_STEP_NUM_TASKS", "1"}}))->distributed());
}

TEST(RankInfoTest, UsersMayChooseHostAndPortUnderSrun) {
  const Variables chosen = {{"MASTER_ADDR", "mine"}, {"MASTER_PORT", "4711"}};
  EXPECT_EQ(RankInfoOf(With(kSrun, chosen))->host, "mine");
  EXPECT_EQ(RankInfoOf(With(kSrun, chosen))->port, 4711);
}

TEST(RankInfoTest, OtherStepsOfAJobMeetAtOtherPorts) {
  std::set<int> ports;
  for (const char* step : {"0", "1", "63"}) {
    ports.insert(RankInfoOf(With(kSrun, {{"SLURM_STEP_ID", step}}))->port);
  }
  EXPECT_EQ(ports.size(), 3u);
}

TEST(RankInfoTest, SaysWhatSrunDidNotSet) {
  EXPECT_THAT(RankInfoOf(Without(kSrun, "SLURM_PROCID")),
              FailsWith("SLURM_PROCID: found none beside SLURM_STEP_NUM_TASKS"));
  EXPECT_THAT(RankInfoOf(Without(kSrun, "SLURM_LOCALID")), FailsWith("SLURM_LOCALID: found none"));
  EXPECT_THAT(RankInfoOf(Without(kSrun, "SLURM_JOB_ID")), FailsWith("MASTER_PORT: found none"));
  EXPECT_EQ(RankInfoOf(Without(kSrun, "SLURM_STEP_NODELIST"))->host, "node001");
  EXPECT_THAT(RankInfoOf(Without(Without(kSrun, "SLURM_STEP_NODELIST"), "SLURM_JOB_NODELIST")),
              FailsWith("MASTER_ADDR: found none"));
  EXPECT_THAT(RankInfoOf(With(kSrun, {{"SLURM_STEP_NODELIST", "node["}})),
              FailsWith("SLURM_STEP_NODELIST: found \"node[\""));
}

TEST(RankInfoTest, RejectsWhatIsNoNumberUnderSrun) {
  for (const char* name : {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NODEID",
                           "SLURM_JOB_ID", "SLURM_STEP_ID"}) {
    EXPECT_THAT(RankInfoOf(With(kSrun, {{name, "x"}})),
                FailsWith(std::string(name) + ": found \"x\", expected an integer"));
  }
  EXPECT_THAT(RankInfoOf(With(kSrun, {{"SLURM_PROCID", "11"}})),
              FailsWith("SLURM_PROCID: found 11, expected less than SLURM_STEP_NUM_TASKS, 11"));
}

TEST(RankInfoTest, ReadsWhatMpirunSets) {
  const absl::StatusOr<RankInfo> info = RankInfoOf(kMpirun);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rank, 1);
  EXPECT_EQ(info->size, 4);
  EXPECT_EQ(info->local_rank, 1);
  EXPECT_EQ(info->local_size, 4);
  EXPECT_EQ(info->host, "127.0.0.1");
  EXPECT_EQ(info->launcher, "mpirun");
}

TEST(RankInfoTest, ProcessesOfOneMpirunMeetAtOnePort) {
  const int port = RankInfoOf(kMpirun)->port;
  EXPECT_GE(port, 20000);
  EXPECT_LT(port, 32000);
  EXPECT_EQ(RankInfoOf(With(kMpirun, {{"OMPI_COMM_WORLD_RANK", "3"}}))->port, port);
  EXPECT_NE(RankInfoOf(With(kMpirun, {{"PMIX_NAMESPACE", "3141992450"}}))->port, port);
  const Variables old =
      With(Without(kMpirun, "PMIX_NAMESPACE"), {{"OMPI_MCA_ess_base_jobid", "3141992449"}});
  EXPECT_EQ(RankInfoOf(old)->port, port);
  EXPECT_THAT(RankInfoOf(Without(kMpirun, "PMIX_NAMESPACE")), FailsWith("MASTER_PORT: found none"));
}

TEST(RankInfoTest, NeedsAnAddressForMpirunAcrossHosts) {
  const Variables two_hosts = With(kMpirun, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_THAT(RankInfoOf(two_hosts), FailsWith("MASTER_ADDR: found none with 4 processes"));
  EXPECT_EQ(RankInfoOf(With(two_hosts, {{"MASTER_ADDR", "node7"}}))->host, "node7");
}

TEST(RankInfoTest, RejectsWhatIsNoNumberUnderMpirun) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                           "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"}) {
    EXPECT_THAT(RankInfoOf(With(kMpirun, {{name, "x"}})),
                FailsWith(std::string(name) + ": found \"x\", expected an integer"));
  }
  EXPECT_THAT(RankInfoOf(Without(kMpirun, "OMPI_COMM_WORLD_RANK")),
              FailsWith("OMPI_COMM_WORLD_RANK: found none beside OMPI_COMM_WORLD_SIZE"));
  EXPECT_THAT(RankInfoOf(With(kMpirun, {{"OMPI_COMM_WORLD_RANK", "4"}})),
              FailsWith("OMPI_COMM_WORLD_RANK: found 4"));
}

TEST(RankInfoTest, TheInnermostLauncherDecides) {
  const Variables mpirun_by_srun = With(kSrun, kMpirun);
  EXPECT_EQ(RankInfoOf(mpirun_by_srun)->launcher, "mpirun");
  EXPECT_EQ(RankInfoOf(With(mpirun_by_srun, kTorchrun))->launcher, "torchrun");
  EXPECT_EQ(RankInfoOf(With(kSrun, {{"OMPI_COMM_WORLD_SIZE", "1"}}))->launcher, "srun");
}

TEST(RankInfoTest, ReadsTheProcessesOwnVariables) {
  const Variables set = With(kByHand, {{"RANK", "1"}});
  for (const auto& [name, value] : set) setenv(name.c_str(), value.c_str(), 1);
  const absl::StatusOr<RankInfo> info = RankInfoFromEnvironment();
  for (const auto& [name, value] : set) unsetenv(name.c_str());
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->rank, 1);
  EXPECT_EQ(info->size, 2);
  EXPECT_EQ(info->host, "here");
  EXPECT_EQ(RankInfoFromEnvironment()->size, 1);
}

TEST(FirstHostTest, FindsItInSlurmsLists) {
  EXPECT_EQ(FirstHost("node[003-005,7],other"), "node003");
  EXPECT_EQ(FirstHost("node[7,003-005]"), "node7");
  EXPECT_EQ(FirstHost("gpu-a[12]"), "gpu-a12");
  EXPECT_EQ(FirstHost("other,node[1-2]"), "other");
  EXPECT_EQ(FirstHost("alone"), "alone");
  EXPECT_EQ(FirstHost("rack[0-1]node[4-9]-ib"), "rack0node4-ib");
}

TEST(FirstHostTest, IsEmptyForWhatIsNoList) {
  for (const char* text : {"", ",", "node[", "node[1-2", "node[]", "node[-2]", "node[,1]"}) {
    EXPECT_EQ(FirstHost(text), "") << text;
  }
}

}  // namespace
}  // namespace draftp
