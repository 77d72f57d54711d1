// Lists that allocate only when they are long, and vectors that remember what memory they had.
#include <gtest/gtest.h>

#include "base/lent_vector.h"
#include "base/short_list.h"

namespace mlops {
namespace {

TEST(ShortList, GrowsBeyondWhatLiesInPlace) {
  ShortList<int, 2> list;
  EXPECT_TRUE(list.empty());
  for (int i = 0; i < 5; ++i) list.push_back(i * i);
  ASSERT_EQ(list.size(), 5U);
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i], static_cast<int>(i * i));
}

const int* fill_once(std::size_t count) {
  LentVector<int, struct FillOnce> lent;
  EXPECT_TRUE(lent->empty());
  lent->resize(count, 7);
  return lent->data();
}

TEST(LentVector, HasTheSameMemoryAgainAndIsEmpty) {
  const int* const first = fill_once(100);
  EXPECT_EQ(fill_once(50), first);
  EXPECT_EQ(fill_once(100), first);
}

TEST(LentVector, OneThatIsLentOutAlreadyIsMadeAnew) {
  LentVector<int, struct Twice> outer;
  outer->assign(3, 1);
  {
    LentVector<int, struct Twice> inner;
    EXPECT_TRUE(inner->empty());
    inner->assign(10, 2);
  }
  EXPECT_EQ(*outer, std::vector<int>(3, 1));
}

}  // namespace
}  // namespace mlops
