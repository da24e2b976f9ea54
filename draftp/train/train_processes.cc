// Rows of the devices and processes of a training run.
#include <string>
#include <vector>

#include "draftp/config/config_row.h"
#include "draftp/sdxl/placement_rows.h"
#include "draftp/shard/any_sharding_policy.h"
#include "draftp/train/train_table.h"

namespace draftp {
namespace {

using C = TrainConfig;

// The policies, by the original's values too.
std::vector<ConfigChoice> ShardingChoices() {
  std::vector<ConfigChoice> choices;
  for (const auto& member : kShardingPolicies) {
    ConfigChoice& choice = choices.emplace_back(ConfigChoice{.name = std::string(member.name)});
    if (!member.original.empty()) choice.aliases.emplace_back(member.original);
  }
  return choices;
}

}  // namespace

void AddProcesses(ConfigTable<TrainConfig>& table) {
  table.Group("Devices and processes");
  AddPlacementRows(table);
  table.Choice(&C::memory, ChoicesNamed({"fast", "balanced"}),
               {.key = "memory",
                .value_name = "NAME",
                .help = "of a GPU: fast (all weights stay there) or balanced (text encoders come "
                        "when they encode, once a step)"});
  table.Text(
      &C::reward_device,
      {.key = "reward_device",
       .value_name = "cpu|cuda:i",
       .help = "decoder and rewards are on another device than the UNet, for GPUs that can't "
               "hold both; gradients cross over. One process; no CUDA graph of a whole step",
       .default_text = "--device"});
  table.Switch(&C::cuda_graph,
               {.key = "cuda_graph",
                .help = "on a GPU, record a micro batch once and replay it, where it is always the "
                        "same (draft_k, a constant --kl_coeff, a sampler without noise)"});
  table.Switch(&C::deterministic,
               {.key = "deterministic",
                .help = "on a GPU, only kernels that give the same bits every time (a CPU always "
                        "does); on a CPU the gradients are summed image by image, so that micro "
                        "batches and processes change no bit"});
  table
      .Integer(&C::nproc, 1, 1024,
               {.key = "nproc",
                .original_keys = {"trainer.devices"},
                .value_name = "N",
                .unit = "processes",
                .help = "processes on this machine that share out every step's images, each with a "
                        "GPU of its own where there are GPUs",
                .elsewhere = {"nproc_per_node", "num_processes", "num_gpus"},
                .common = true})
      .Integer(
          &C::num_nodes, 0, 4096,
          {.key = "num_nodes",
           .original_keys = {"trainer.num_nodes"},
           .value_name = "N",
           .unit = "hosts",
           .help = "hosts that the launcher (torchrun, srun, mpirun) must have started processes "
                   "on, else the run ends at once",
           .default_text = "any number"})
      .Choice(&C::sharding, ShardingChoices(),
              {.key = "sharding",
               .original_keys = {"model.fsdp"},
               .value_name = "NAME",
               .help = "of several processes: replicated (each has all), sharded_optimizer (each "
                       "has its part of AdamW's moments and of the moving average), fully_sharded "
                       "(and of weights and gradients, FSDP)"})
      .Switch(&C::shard_frozen,
              {.key = "shard_frozen",
               .help = "by --sharding fully_sharded, text encoders, decoder and rewards are "
                       "divided, too: less memory, more to gather"})
      .Number(&C::timeout, 1, 86'400,
              {.key = "timeout",
               .value_name = "S",
               .unit = "seconds",
               .help = "how long a process of several waits for the others before the run ends"});
}

}  // namespace draftp
