#include "route/route_book.h"

#include <gtest/gtest.h>

#include <thread>

namespace mlops::testing {
namespace {

RoutePlan canary(std::uint16_t share) {
  RoutePlan plan;
  plan.stable = 1;
  plan.arms = {{"canary", 2, share}};
  return plan;
}

TEST(RouteBook, AChangeIsInForceAtTheNextLook) {
  RouteBook book;
  EXPECT_EQ(book.find("m"), nullptr);
  ASSERT_TRUE(book.set("m", canary(0)).ok());
  EXPECT_EQ(book.find("m")->choose_for("u").arm, 0);
  ASSERT_TRUE(book.set("m", canary(10'000)).ok());
  EXPECT_EQ(book.find("m")->choose_for("u").arm, 1);
  EXPECT_EQ(book.find("other"), nullptr);
  EXPECT_TRUE(book.remove("m"));
  EXPECT_FALSE(book.remove("m"));
  EXPECT_EQ(book.find("m"), nullptr);
}

TEST(RouteBook, AWrongPlanChangesNothing) {
  RouteBook book;
  ASSERT_TRUE(book.set("m", canary(10'000)).ok());
  RoutePlan wrong = canary(1);
  wrong.stable = -3;
  EXPECT_FALSE(book.set("m", wrong).ok());
  EXPECT_EQ(book.find("m")->choose_for("u").arm, 1);
}

TEST(RouteBook, BooksDoNotSeeEachOther) {
  RouteBook one;
  RouteBook other;
  ASSERT_TRUE(one.set("m", canary(0)).ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(one.find("m"), nullptr);
    EXPECT_EQ(other.find("m"), nullptr);
  }
}

// Under the thread sanitizer this is the proof that readers need no lock.
TEST(RouteBook, ReadersNeverSeeHalfAChange) {
  RouteBook book;
  ASSERT_TRUE(book.set("m", canary(0)).ok());
  std::atomic<bool> over{false};
  std::atomic<int> broken{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!over.load()) {
        const RouteTable* table = book.find("m");
        if (!table || table->arms()[1].share != table->plan().arms[0].share) broken.fetch_add(1);
      }
    });
  }
  for (std::uint16_t share = 0; share < 500; ++share)
    ASSERT_TRUE(book.set("m", canary(share)).ok());
  over = true;
  readers.clear();
  EXPECT_EQ(broken.load(), 0);
  EXPECT_EQ(book.find("m")->arms()[1].share, 499);
}

TEST(RouteBook, DrawsOfThreadsDiffer) {
  const std::uint64_t mine = route_draw();
  std::uint64_t other = mine;
  std::jthread([&] { other = route_draw(); }).join();
  EXPECT_NE(mine, other);
  EXPECT_NE(mine, route_draw());
}

}  // namespace
}  // namespace mlops::testing
