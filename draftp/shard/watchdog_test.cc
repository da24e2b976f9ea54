#include "draftp/shard/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <vector>

namespace draftp {
namespace {

using ::testing::HasSubstr;
using StoreBytes = std::vector<uint8_t>;

// A way to a store, whose requests wait while it is cut.
class CutStore : public c10d::PrefixStore {
 public:
  explicit CutStore(c10::intrusive_ptr<c10d::Store> store) : PrefixStore("way", std::move(store)) {}

  std::atomic<bool> cut = false, tells = true;  // `tells`: what compareSet tells gets through

  void set(const std::string& key, const StoreBytes& value) override {
    Pass();
    PrefixStore::set(key, value);
  }
  StoreBytes get(const std::string& key) override {
    Pass();
    return PrefixStore::get(key);
  }
  bool check(const std::vector<std::string>& keys) override {
    Pass();
    return PrefixStore::check(keys);
  }
  std::vector<StoreBytes> multiGet(const std::vector<std::string>& keys) override {
    Pass();
    return PrefixStore::multiGet(keys);
  }
  StoreBytes compareSet(const std::string& key, const StoreBytes& expected,
                        const StoreBytes& desired) override {
    while (!tells) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    Pass();
    return PrefixStore::compareSet(key, expected, desired);
  }

 private:
  void Pass() const {
    while (cut) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
};

// The watchdogs of several ranks, each with its own way to one store.
class Watched {
 public:
  explicit Watched(int size) : lines_(size), watchdogs_(size) {
    const auto store = c10::make_intrusive<c10d::HashStore>();
    std::vector<std::thread> makers;
    for (int rank = 0; rank < size; ++rank) {
      ways_.push_back(c10::make_intrusive<CutStore>(store));
      makers.emplace_back([this, rank, size, way = ways_.back()] {
        watchdogs_[rank] = std::make_unique<Watchdog>(
            way, Watchdog::Options{.rank = rank,
                                   .size = size,
                                   .timeout = 20,
                                   .lost = 1,
                                   .suspect = 1,
                                   .beat = 0.1,
                                   .holds_store = rank == 0,
                                   .on_lost = [line = &lines_[rank]](const std::string& said, int) {
                                     line->set_value(said);
                                   }});
      });
    }
    for (std::thread& maker : makers) maker.join();
  }
  ~Watched() {
    for (const auto& way : ways_) {
      way->cut = false;
      way->tells = true;
    }
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  CutStore& way(int rank) { return *ways_[rank]; }
  // With what a rank ends; it must within seconds.
  std::string Line(int rank) {
    std::future<std::string> line = lines_[rank].get_future();
    if (line.wait_for(std::chrono::seconds(10)) == std::future_status::ready) return line.get();
    return "hasn't ended";
  }

 private:
  std::vector<std::promise<std::string>> lines_;
  std::vector<c10::intrusive_ptr<CutStore>> ways_;
  std::vector<std::unique_ptr<Watchdog>> watchdogs_;
};

// What ranks last knew of each other is old then, and no reason to name one.
TEST(WatchdogTest, RanksWithoutAWayToTheStoreSayThatAndTheOthersNameThem) {
  Watched ranks(3);
  for (const int rank : {1, 2}) ranks.way(rank).cut = true;
  for (const int rank : {1, 2}) {
    EXPECT_THAT(ranks.Line(rank),
                HasSubstr("rank 0 is gone or stopped, and with it the store in which ranks meet"));
  }
  EXPECT_THAT(ranks.Line(0), HasSubstr("of 3 "));
}

// The store may fall silent between the last look at it and the telling.
TEST(WatchdogTest, ARankThatCannotTellTheOthersEndsAllTheSame) {
  Watched ranks(2);
  ranks.way(1).tells = false;
  ranks.way(0).cut = true;
  EXPECT_THAT(ranks.Line(1), HasSubstr("rank 0 of 2 is gone or stopped: not heard of for 1 s"));
}

TEST(WatchdogTest, OneOfThoseThatSeeItNamesARankThatHasGone) {
  Watched ranks(3);
  ranks.way(2).cut = true;
  const std::string lines = ranks.Line(0) + ranks.Line(1);
  EXPECT_THAT(lines, HasSubstr("rank 2 of 3 is gone or stopped: not heard of for 1 s"));
  EXPECT_EQ(lines.find("gone"), lines.rfind("gone")) << lines;
}

}  // namespace
}  // namespace draftp
