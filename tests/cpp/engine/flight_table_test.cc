// Who computes what: one leader a key, also among keys that share a row of the table.

#include "engine/flight_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "support/recording_call.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

class Nobody final : public FlightOwner {
 public:
  void land(Flight& /*flight*/, const Response& /*response*/) noexcept override {}
};

Sought sought(std::uint64_t number) {
  return {{number / 7 * 64, number % 7 * 16}, {}, {}};  // few rows, few shards
}

TEST(FlightTable, KeysThatShareARowFlyApart) {
  FlightTable table(10);
  Nobody owner;
  std::vector<Ref<Flight>> flights;
  for (std::uint64_t number = 0; number < 200; ++number) {
    Sought what = sought(number);
    auto [flight, leads] = table.board(what, owner, TimePoint());
    ASSERT_TRUE(leads) << number;
    flights.push_back(flight);
  }
  for (std::uint64_t number = 0; number < 200; ++number) {
    Sought what = sought(number);
    const auto [flight, leads] = table.board(what, owner, TimePoint());
    EXPECT_FALSE(leads);
    EXPECT_EQ(flight, flights[number]);
  }
  std::mt19937 random(1);
  std::ranges::shuffle(flights, random);
  for (std::size_t i = 0; i < flights.size(); ++i) {
    EXPECT_TRUE(table.close(*flights[i]).empty());
    EXPECT_TRUE(table.close(*flights[i]).empty());  // is over already
    Sought what{flights[i]->sought.key, {}, {}};
    auto [next, leads] = table.board(what, owner, TimePoint());
    EXPECT_TRUE(leads);  // a closed flight is never joined
    if (i + 1 < flights.size()) {
      Sought other{flights[i + 1]->sought.key, {}, {}};
      EXPECT_FALSE(table.board(other, owner, TimePoint()).leads);
    }
    table.close(*next);
    table.end();
    table.end();
  }
  table.await_calm();
}

TEST(FlightTable, IsCalmOnceEveryFlightHasEnded) {
  for (int round = 0; round < 50; ++round) {
    FlightTable table(10);
    Nobody owner;
    std::vector<std::jthread> threads;
    std::atomic<int> ended{0};
    std::vector<Ref<Flight>> flights;
    for (std::uint64_t number = 0; number < 4; ++number) {
      Sought what = sought(number);
      flights.push_back(table.board(what, owner, TimePoint()).flight);
    }
    for (const Ref<Flight>& flight : flights) {
      threads.emplace_back([&] {
        table.close(*flight);
        ended.fetch_add(1);
        table.end();
      });
    }
    table.await_calm();
    EXPECT_EQ(ended.load(), 4);
    threads.clear();
  }
}

TEST(FlightTable, TakesOutWhoIsLateAndLetsTheNextLead) {
  FlightTable table(2);
  Nobody owner;
  Sought what = sought(1);
  const Ref<Flight> flight = table.board(what, owner, TimePoint()).flight;
  const auto waiting = [&](std::int64_t deadline_s) {
    Request request = request_for("m", float_rows(1, 1));
    request.deadline = TimePoint() + std::chrono::seconds(deadline_s);
    return make_ref<RecordingCall>(std::move(request));
  };
  const auto late = waiting(1);
  const auto patient = waiting(5);
  EXPECT_TRUE(table.wait(*flight, late));
  EXPECT_TRUE(table.wait(*flight, patient));
  EXPECT_FALSE(table.wait(*flight, waiting(9)));  // too many
  std::vector<PendingRef> expired;
  EXPECT_EQ(table.collect_expired(TimePoint() + std::chrono::seconds(2), expired),
            TimePoint() + std::chrono::seconds(5));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].get(), late.get());
  EXPECT_EQ(table.next(*flight).get(), patient.get());
  EXPECT_EQ(table.next(*flight).get(), nullptr);
  EXPECT_FALSE(table.wait(*flight, late));  // it is over
  table.end();
  table.await_calm();
}

}  // namespace
}  // namespace mlops::testing
