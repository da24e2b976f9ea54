// Several ranks of one world as threads of a test.
#ifndef DRAFTP_SHARD_WORLD_FIXTURE_H_
#define DRAFTP_SHARD_WORLD_FIXTURE_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "draftp/shard/world.h"

namespace draftp {

// A socket that listens at a free port of the loopback, for rank 0's store.
struct StoreSocket {
  int descriptor = -1, port = 0;

  static StoreSocket Open() {
    StoreSocket store{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0};
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(store.descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(store.descriptor, 64), 0);
    getsockname(store.descriptor, reinterpret_cast<sockaddr*>(&address), &length);
    store.port = ntohs(address.sin_port);
    return store;
  }
};

// body(world) on every rank of a world of `size`, each in a thread; Gloo over the loopback.
inline void RunRanks(int size, const std::function<void(World&)>& body) {
  // c10d's flight recorder is one for the process, and not safe for the groups of several threads.
  setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/1);
  const StoreSocket store = StoreSocket::Open();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const RankInfo info{.rank = rank,
                          .size = size,
                          .local_rank = rank,
                          .local_size = size,
                          .host = "127.0.0.1",
                          .port = store.port,
                          .agent_store = false,
                          .store_fd = rank == 0 ? store.descriptor : -1,
                          .prefix = "",
                          .launcher = "a test"};
      const auto world = World::Join(info, {.program = "test", .timeout = 120});
      ASSERT_TRUE(world.ok()) << world.status();
      body(**world);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace draftp

#endif  // DRAFTP_SHARD_WORLD_FIXTURE_H_
