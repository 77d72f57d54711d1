#include "protocol/drift_json.h"

#include <gtest/gtest.h>

#include "observe/reference_build.h"

namespace mlops {
namespace {

TEST(DriftJson, SpansOfTime) {
  EXPECT_EQ(*parse_span("90s"), std::chrono::seconds(90));
  EXPECT_EQ(*parse_span("15m"), std::chrono::minutes(15));
  EXPECT_EQ(*parse_span("6h"), std::chrono::hours(6));
  EXPECT_EQ(*parse_span("30d"), std::chrono::hours(720));
  for (const char* wrong :
       {"", "m", "0m", "-1m", "1", "1w", "1mm", " 1m", "367d", "1e3s", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_span(wrong).ok()) << wrong;
  }
}

TEST(DriftJson, CountsAndDistancesOfEachStream) {
  const std::vector<float> column = {1, 2, 3, 4};
  const std::vector<std::string_view> carrier = {"UA", "AA"};
  DriftSnapshot seen;
  seen.reference = *seal_reference(
      {numeric_reference({StreamRole::input, "in", 2, "delay \"min\""}, column, {2, 1}),
       string_categories({StreamRole::output, "out", 0, "carrier"}, carrier, {})});
  seen.window.counts = seen.reference->empty_counts();
  seen.window.rows_seen = 9;
  seen.window.counts[0].masses[1] = 3;
  seen.window.counts[0].own(OwnMass::missing) = 1;
  const std::string json = drift_json(seen);
  const auto has = [&](const std::string& text) { return json.find(text) != std::string::npos; };
  EXPECT_TRUE(has(R"("collecting":false,"reference":")" + seen.reference->id + '"'));
  EXPECT_TRUE(has(R"("rows_seen":9)"));
  EXPECT_TRUE(has(R"("name":"delay \"min\"","role":"input","tensor":"in","column":2)")) << json;
  EXPECT_TRUE(has(R"("rows":4,"bins":[0,3],"missing":1)")) << json;
  EXPECT_TRUE(has(R"("kind":"categorical","rows":0,"bins":[0,0],"distances":{"psi":)")) << json;
  EXPECT_TRUE(has(R"("ks":)"));
  EXPECT_FALSE(has(":inf"));
  EXPECT_FALSE(has(":nan"));
}

TEST(DriftJson, WhileRowsAreCollected) {
  DriftSnapshot seen;
  seen.rows_collected = 12;
  EXPECT_EQ(drift_json(seen), R"({"collecting":true,"rows_collected":12})");
}

}  // namespace
}  // namespace mlops
