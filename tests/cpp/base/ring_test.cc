#include "base/ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace mlops {
namespace {

TEST(Ring, BehavesLikeADequeUnderAnySequence) {
  std::mt19937_64 random(3);
  Ring<int> ring;
  std::deque<int> model;
  for (int i = 0; i < 50000; ++i) {
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        ring.push_back(i);
        model.push_back(i);
        break;
      case 4:
      case 5:
      case 6:
        if (!model.empty()) {
          ASSERT_EQ(ring.pop_front(), model.front());
          model.pop_front();
        }
        break;
      default: {
        const auto odd = [](int value) { return value % 2 == 1; };
        std::size_t dropped = 0;
        ring.remove_if(odd, [&](int) { ++dropped; });
        EXPECT_EQ(dropped, std::erase_if(model, odd));
      }
    }
    ASSERT_EQ(ring.size(), model.size());
    if (!model.empty()) {
      ASSERT_EQ(ring[model.size() - 1], model.back());
    }
  }
}

}  // namespace
}  // namespace mlops
