#include "protocol/statistics.h"

#include <gtest/gtest.h>

#include "json_reference.h"
#include "protocol/extensions.pb.h"
#include "support/loaded_engine.h"

#include <rapidjson/document.h>

namespace mlops {
namespace {

using testing::LoadedEngine;

class Statistics : public ::testing::Test {
 protected:
  Statistics() {
    loaded_.load_echo("a", testing::echo_signature(), 1);
    loaded_.load_echo("a", testing::echo_signature(), 2);
    loaded_.load_echo("b", testing::echo_signature(), 1);
  }
  void infer(const std::string& model, std::int64_t rows, std::int64_t version = kAnyVersion) {
    Request request = testing::request_for(model, testing::float_rows(rows, 1));
    request.version = version;
    EXPECT_TRUE(loaded_.engine->infer(std::move(request)).status.ok());
  }
  std::vector<ModelStats> select(const std::string& name, std::string_view version = "") {
    const auto models = select_statistics(*loaded_.engine, name, version);
    EXPECT_TRUE(models.ok()) << models.status().message();
    return models.ok() ? *models : std::vector<ModelStats>();
  }
  Status refusal(const std::string& name, std::string_view version = "") {
    return select_statistics(*loaded_.engine, name, version).status();
  }
  LoadedEngine loaded_;
};

TEST_F(Statistics, AreOfAllModelsOneModelOrOneVersion) {
  EXPECT_EQ(select("").size(), 3U);
  EXPECT_EQ(select("a").size(), 2U);
  ASSERT_EQ(select("a", "2").size(), 1U);
  EXPECT_EQ(select("a", "2")[0].version, 2);
  EXPECT_EQ(refusal("nope").code(), Code::invalid_argument);
  EXPECT_EQ(refusal("nope").message(), "requested model 'nope' is not available");
  EXPECT_EQ(refusal("a", "3").message(), "requested model version is not available for model 'a'");
  EXPECT_EQ(refusal("a", "x").code(), Code::invalid_argument);
}

TEST_F(Statistics, CountWhatHappened) {
  infer("a", 1);
  infer("a", 4);
  infer("a", 4);
  inference::ModelStatisticsResponse reply;
  ASSERT_TRUE(reply.ParseFromString(statistics_proto(select("a", "2"))));
  ASSERT_EQ(reply.model_stats_size(), 1);
  const auto& stats = reply.model_stats(0);
  EXPECT_EQ(stats.inference_count(), 9U);
  EXPECT_EQ(stats.execution_count(), 3U);
  EXPECT_GT(stats.last_inference(), 0U);
  const auto& inference = stats.inference_stats();
  EXPECT_EQ(inference.success().count(), 3U);
  EXPECT_EQ(inference.fail().count(), 0U);
  EXPECT_EQ(inference.queue().count(), 3U);
  EXPECT_EQ(inference.compute_input().count(), inference.compute_infer().count());
  EXPECT_EQ(inference.compute_input().count(), inference.compute_output().count());
  EXPECT_EQ(inference.compute_input().count(), 3U);
  EXPECT_TRUE(inference.has_cache_hit());
  ASSERT_EQ(stats.batch_stats_size(), 2);
  EXPECT_EQ(stats.batch_stats(0).batch_size(), 1U);
  EXPECT_EQ(stats.batch_stats(0).compute_infer().count(), 1U);
  EXPECT_EQ(stats.batch_stats(1).batch_size(), 4U);
  EXPECT_EQ(stats.batch_stats(1).compute_infer().count(), 2U);
}

TEST_F(Statistics, HitsOfTheCacheWereNotComputed) {
  ModelStats model;
  model.success = 5;
  model.cache_hit = {3, 300};
  model.cache_miss = {2, 700};
  inference::ModelStatisticsResponse reply;
  ASSERT_TRUE(reply.ParseFromString(statistics_proto({&model, 1})));
  const auto& stats = reply.model_stats(0).inference_stats();
  EXPECT_EQ(stats.success().count(), 5U);
  EXPECT_EQ(stats.compute_input().count(), 2U);
  EXPECT_EQ(stats.compute_infer().count(), 2U);
  EXPECT_EQ(stats.compute_output().count(), 2U);
  EXPECT_EQ(stats.cache_hit().count(), 3U);
  EXPECT_EQ(stats.cache_hit().ns(), 300U);
  EXPECT_EQ(stats.cache_miss().ns(), 700U);
}

TEST_F(Statistics, FailuresAreCounted) {
  EXPECT_FALSE(loaded_.engine->infer(testing::request_for("a", testing::float_rows(1, 1), "no"))
                   .status.ok());
  inference::ModelStatisticsResponse reply;
  ASSERT_TRUE(reply.ParseFromString(statistics_proto(select("a", "2"))));
  EXPECT_EQ(reply.model_stats(0).inference_stats().fail().count(), 1U);
}

TEST_F(Statistics, ResponsesOfDecoupledModelsGoByTheirNumber) {
  ModelStats model;
  model.responses.resize(12);
  model.responses[2].success = {3, 30};
  model.responses[11].empty = {3, 5};
  inference::ModelStatisticsResponse reply;
  ASSERT_TRUE(reply.ParseFromString(statistics_proto({&model, 1})));
  const auto& responses = reply.model_stats(0).response_stats();
  EXPECT_EQ(responses.size(), 12U);
  EXPECT_EQ(responses.at("2").success().count(), 3U);
  EXPECT_EQ(responses.at("2").success().ns(), 30U);
  EXPECT_EQ(responses.at("11").empty_response().count(), 3U);
  rapidjson::Document json;
  json.Parse(statistics_json({&model, 1}).c_str());
  ASSERT_FALSE(json.HasParseError());
  const auto& same = json["model_stats"][0]["response_stats"];
  EXPECT_EQ(same["2"]["success"]["ns"].GetUint64(), 30U);
  EXPECT_EQ(same["11"]["empty_response"]["count"].GetUint64(), 3U);
  EXPECT_STREQ((same.MemberEnd() - 1)->name.GetString(), "11");
}

TEST_F(Statistics, JsonSaysTheSame) {
  infer("b", 2);
  rapidjson::Document json;
  json.Parse(statistics_json(select("b")).c_str());
  ASSERT_FALSE(json.HasParseError());
  const auto& stats = json["model_stats"][0];
  EXPECT_STREQ(stats["name"].GetString(), "b");
  EXPECT_STREQ(stats["version"].GetString(), "1");
  EXPECT_EQ(stats["inference_count"].GetUint64(), 2U);
  EXPECT_EQ(stats["execution_count"].GetUint64(), 1U);
  for (const char* step : {"success", "fail", "queue", "compute_input", "compute_infer",
                           "compute_output", "cache_hit", "cache_miss"}) {
    EXPECT_TRUE(stats["inference_stats"][step]["count"].IsUint64()) << step;
    EXPECT_TRUE(stats["inference_stats"][step]["ns"].IsUint64()) << step;
  }
  EXPECT_EQ(stats["batch_stats"][0]["batch_size"].GetUint64(), 2U);
  EXPECT_TRUE(stats["response_stats"].IsObject());
  EXPECT_TRUE(stats["memory_usage"].IsArray());
}

}  // namespace
}  // namespace mlops
