#include "protocol/metadata_json.h"

#include <gtest/gtest.h>

#include "described_model.h"

namespace mlops {
namespace {

using testing::described_model;

TEST(MetadataJson, Server) {
  ServerFacts facts;
  facts.name = "n";
  facts.version = "1";
  facts.extensions = {"a", "b"};
  EXPECT_EQ(server_metadata_json(facts), R"({"name":"n","version":"1","extensions":["a","b"]})");
}

TEST(MetadataJson, ModelGivesTheShapesOfTheGraph) {
  EXPECT_EQ(model_metadata_json(described_model()),
            R"({"name":"flights","versions":["1","2"],"platform":"onnxruntime_onnx",)"
            R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]},)"
            R"({"name":"t","datatype":"BYTES","shape":[-1]}],)"
            R"("outputs":[{"name":"y","datatype":"INT64","shape":[-1,2,-1]}]})");
}

TEST(MetadataJson, ConfigurationLeavesOutTheBatchAxis) {
  const std::string json = model_config_json(described_model());
  for (const char* part : {
           R"("name":"flights","platform":"onnxruntime_onnx","backend":"onnxruntime")",
           R"("max_batch_size":32)",
           R"({"name":"x","data_type":"TYPE_FP32","format":"FORMAT_NONE","dims":[4])",
           R"({"name":"t","data_type":"TYPE_STRING","format":"FORMAT_NONE","dims":[])",
           R"({"name":"y","data_type":"TYPE_INT64","dims":[2,-1])",
           R"("dynamic_batching":{"preferred_batch_size":[],"max_queue_delay_microseconds":500)",
           R"("instance_group":[{"name":"flights_0","kind":"KIND_CPU","count":3)",
           R"("model_transaction_policy":{"decoupled":false})",
           R"("response_cache":{"enable":false}})",
       }) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
}

TEST(MetadataJson, AModelThatIsNotBatchedKeepsItsDims) {
  ModelInfo info = described_model();
  info.batchable = false;
  info.has_batch_axis = false;
  info.batch_rows_max = 0;
  const std::string json = model_config_json(info);
  EXPECT_NE(json.find(R"("max_batch_size":0)"), std::string::npos);
  EXPECT_NE(json.find(R"("dims":[-1,4])"), std::string::npos);
  EXPECT_EQ(json.find("dynamic_batching"), std::string::npos);
}

}  // namespace
}  // namespace mlops
