#include "draftp/adapter/adapter_guard.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace draftp {
namespace {

// Records every exchange, as c10's FakeGuardImpl does for devices.
struct FakeSwitch {
  AdapterRows rows;
  std::vector<AdapterRows> seen;
  AdapterRows Exchange(AdapterRows next) noexcept {
    seen.push_back(next);
    return std::exchange(rows, std::move(next));
  }
};

struct ThrowingSwitch {
  AdapterRows Exchange(AdapterRows rows) { return rows; }  // may throw
};
struct VoidSwitch {
  void Exchange(AdapterRows) noexcept {}
};

static_assert(SwitchesAdapters<FakeSwitch>);
static_assert(!SwitchesAdapters<ThrowingSwitch>, "destructors restore: an exchange must not throw");
static_assert(!SwitchesAdapters<VoidSwitch>, "the former rows are what a guard restores");

static_assert(!std::is_default_constructible_v<AdapterGuard>);
static_assert(!std::is_copy_constructible_v<AdapterGuard> &&
              !std::is_copy_assignable_v<AdapterGuard>);
static_assert(!std::is_move_constructible_v<AdapterGuard> &&
              !std::is_move_assignable_v<AdapterGuard>);

TEST(AdapterGuardTest, TurnsAdaptersOffForTheScope) {
  AdapterSwitch adapters(OnAllRows(0));
  {
    const AdapterGuard base(adapters);
    EXPECT_TRUE(adapters.rows().empty());
  }
  EXPECT_EQ(adapters.rows(), OnAllRows(0));
}

TEST(AdapterGuardTest, PutsOtherRowsIntoEffect) {
  AdapterSwitch adapters;
  {
    const AdapterGuard tuned(adapters, OnAllRows(1, 0.5));
    EXPECT_EQ(adapters.rows(), OnAllRows(1, 0.5));
  }
  EXPECT_TRUE(adapters.rows().empty());
}

TEST(AdapterGuardTest, Nests) {
  AdapterSwitch adapters(OnAllRows(0));
  const AdapterGuard outer(adapters);
  {
    const AdapterGuard inner(adapters, OnAllRows(2));
    EXPECT_EQ(adapters.rows(), OnAllRows(2));
  }
  EXPECT_TRUE(adapters.rows().empty());
}

TEST(AdapterGuardTest, RestoresWhenTheScopeThrows) {
  AdapterSwitch adapters(OnAllRows(0));
  EXPECT_THROW(
      {
        const AdapterGuard base(adapters);
        throw std::runtime_error("inside");
      },
      std::runtime_error);
  EXPECT_EQ(adapters.rows(), OnAllRows(0));
}

TEST(AdapterGuardTest, ExchangesOnceInAndOnceOut) {
  FakeSwitch fake{.rows = OnAllRows(3), .seen = {}};
  {
    const InlineAdapterGuard<FakeSwitch> guard(fake, OnAllRows(1));
  }
  EXPECT_EQ(fake.seen, (std::vector<AdapterRows>{OnAllRows(1), OnAllRows(3)}));
}

TEST(AdapterGuardTest, RestoresWhatWasThereEvenIfItWasChangedInside) {
  AdapterSwitch adapters(OnAllRows(0));
  {
    const AdapterGuard base(adapters);
    adapters.Exchange(OnAllRows(5));
  }
  EXPECT_EQ(adapters.rows(), OnAllRows(0));
}

}  // namespace
}  // namespace draftp
