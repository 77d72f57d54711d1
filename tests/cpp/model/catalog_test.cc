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

TEST(Catalog, ChangesAllVersionsOfAModelAtOnce) {
  Catalog<int> catalog;
  for (int version : {1, 2, 3}) catalog.put("m", version, std::make_shared<int>(version));
  Catalog<int>::Change change;
  change.put[3] = std::make_shared<int>(30);
  change.put[4] = std::make_shared<int>(40);
  change.keep = {2};
  const auto gone = catalog.replace("m", std::move(change));
  ASSERT_EQ(gone.size(), 2U);
  EXPECT_EQ(*gone[0] + *gone[1], 1 + 3);
  EXPECT_EQ(catalog.versions("m"), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(**catalog.find("m", 3), 30);
  EXPECT_EQ(catalog.replace("m", {}).size(), 3U);
  EXPECT_EQ(catalog.find("m", Catalog<int>::kNewest).status().code(), Code::not_found);
}

TEST(Catalog, TheStableVersionAnswersWhoAsksForNone) {
  Catalog<int> catalog;
  Catalog<int>::Change change;
  for (int version : {1, 2}) change.put[version] = std::make_shared<int>(version);
  change.labels = {{"stable", 1}, {"canary", 2}};
  catalog.replace("m", std::move(change));
  EXPECT_EQ(**catalog.find("m", Catalog<int>::kNewest), 1);
  EXPECT_EQ(**catalog.find_label("m", "canary"), 2);
  EXPECT_EQ(catalog.find_label("m", "beta").status().message(),
            "Request for unknown model: 'm' has no version labelled 'beta'");
  EXPECT_EQ(catalog.find_label("x", "beta").status().code(), Code::not_found);
  catalog.take("m", 1);
  EXPECT_EQ(**catalog.find("m", Catalog<int>::kNewest), 2);
}

}  // namespace
}  // namespace mlops
