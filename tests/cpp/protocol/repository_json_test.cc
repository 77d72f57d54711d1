#include "protocol/repository_json.h"

#include <gtest/gtest.h>

#include "protocol/base64.h"

namespace mlops {
namespace {

TEST(Base64, DecodesWhatTheStandardWrites) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("YQ=="), "a");
  EXPECT_EQ(decode_base64("YWI="), "ab");
  EXPECT_EQ(decode_base64("YWJj"), "abc");
  EXPECT_EQ(decode_base64("YQ"), "a");
  EXPECT_EQ(decode_base64("/+8="), "\xFF\xEF");
}

TEST(Base64, RefusesTheRest) {
  for (const char* text : {"Y", "YQ=", "Y===", "YW=j", "YW J", "YWJj====", "-_8=", "Y\nQ="}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

TEST(RepositoryJson, IndexBodies) {
  EXPECT_FALSE(*decode_index_request(""));
  EXPECT_FALSE(*decode_index_request(" {} "));
  EXPECT_TRUE(*decode_index_request(R"({"other":[1],"ready":true})"));
  EXPECT_EQ(decode_index_request(R"({"ready":1})").status().message(),
            "Invalid value for 'ready': expected a boolean");
  EXPECT_FALSE(decode_index_request("[]").ok());
  EXPECT_FALSE(decode_index_request(R"({"ready":true)").ok());
}

TEST(RepositoryJson, LoadBodies) {
  EXPECT_EQ(decode_load_request("m", "")->config, nullptr);
  const auto request = decode_load_request(
      "m", R"({"parameters":{"file:1/model.onnx":"YWJj","config":"{\"max_batch_size\":4}"}})");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->model, "m");
  EXPECT_EQ(request->config->max_batch_size, 4);
  ASSERT_EQ(request->files.size(), 1U);
  EXPECT_EQ(request->files[0].name, "1/model.onnx");
  EXPECT_EQ(request->files[0].content, "abc");
}

TEST(RepositoryJson, LoadBodiesThatAreWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"parameters":{"file:1/x":"*"}})", "it is not base64"},
      {R"({"parameters":{"file:1/x":1}})", "expected a string"},
      {R"({"parameters":{"config":"{\"a\":1}"}})",
       "failed to load 'm': config: line 1, column 6: unknown key 'a'"},
      {R"({"parameters":{"confg":"{}"}})", "unknown load parameter 'confg'"},
      {R"({"parameters":[]})", "expected an object"},
  };
  for (const auto& [body, error] : kCases) {
    const std::string message = decode_load_request("m", body).status().message();
    EXPECT_NE(message.find(error), std::string::npos) << body << "\n  " << message;
  }
}

TEST(RepositoryJson, UnloadBodies) {
  EXPECT_FALSE(*decode_unload_request(""));
  EXPECT_TRUE(*decode_unload_request(R"({"parameters":{"unload_dependents":true}})"));
  EXPECT_FALSE(decode_unload_request(R"({"parameters":{"unload_dependents":"yes"}})").ok());
}

TEST(RepositoryJson, IndexTellsWhatIsKnown) {
  EXPECT_EQ(repository_index_json({{"a", 2, ModelState::ready, ""},
                                   {"b", 0, ModelState::unavailable, ""},
                                   {"c", 0, ModelState::unavailable, "why"}}),
            R"([{"name":"a","version":"2","state":"READY","reason":""},{"name":"b"},)"
            R"({"name":"c","state":"UNAVAILABLE","reason":"why"}])");
}

}  // namespace
}  // namespace mlops
