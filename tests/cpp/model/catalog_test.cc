#include "model/catalog.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

TEST(Catalog, FindsByVersionOrTheNewest) {
  Catalog<int> catalog;
  EXPECT_EQ(catalog.put("m", 2, std::make_shared<int>(20)), nullptr);
  EXPECT_EQ(catalog.put("m", 1, std::make_shared<int>(10)), nullptr);
  EXPECT_EQ(**catalog.find("m", Catalog<int>::kNewest), 20);
  EXPECT_EQ(**catalog.find("m", 1), 10);
  EXPECT_EQ(catalog.find("m", 3).status().code(), Code::not_found);
  EXPECT_EQ(catalog.find("x", 1).status().code(), Code::not_found);
  EXPECT_EQ(catalog.versions("m"), (std::vector<std::int64_t>{1, 2}));
}

TEST(Catalog, HandsBackWhatItReplacesAndRemoves) {
  Catalog<int> catalog;
  catalog.put("m", 1, std::make_shared<int>(10));
  EXPECT_EQ(*catalog.put("m", 1, std::make_shared<int>(11)), 10);
  EXPECT_EQ(*catalog.take("m", 1), 11);
  EXPECT_EQ(catalog.take("m", 1), nullptr);
  EXPECT_EQ(catalog.find("m", Catalog<int>::kNewest).status().code(), Code::not_found);
  EXPECT_TRUE(catalog.all().empty());
}

}  // namespace
}  // namespace mlops
