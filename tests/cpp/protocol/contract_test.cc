// The cases of tests/contract, run through the codecs and an engine of echo models, without
// sockets.
#include <gtest/gtest.h>

#include <sstream>

#include "contract_cases.h"
#include "decoding.h"
#include "protocol/execution_json.h"
#include "protocol/metadata_json.h"
#include "protocol/model_version.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

using Json = rapidjson::Value;
using testing::buffer_of;
using testing::from_hex;
using testing::parse_json;
using testing::text_member;
using testing::text_of;

struct Answer {
  int status = 200;
  std::string json;
  std::string binary;
};

Answer refused(const Status& status, std::string_view id = {}) {
  return {http_status(status.code()), encode_http_error(status, id), {}};
}

// What the HTTP transport does with a call, in a few lines.
class InProcess {
 public:
  InProcess() { testing::load_contract_models(engine_); }

  Answer handle(const Json& request) {
    const std::string method = text_member(request, "method");
    std::vector<std::string> parts;
    std::istringstream path(text_member(request, "path"));
    for (std::string part; std::getline(path, part, '/');) parts.push_back(part);
    // "", "v2", "models", name, ["versions", version], [verb]; ours begin with "mlops", "v1"
    if (parts.at(1) == "mlops") parts.erase(parts.begin());
    const std::string name = parts.at(3);
    const bool versioned = parts.size() > 5 && parts[4] == "versions";
    const auto version = parse_model_version(versioned ? parts[5] : "");
    const std::size_t verb = versioned ? 6 : 4;
    const std::string what = parts.size() > verb ? parts[verb] : "";
    if (!version.ok()) return refused(version.status());
    const auto info = engine_.engine->info(name, *version);
    if (method == "GET") {
      if (!info.ok()) return refused(info.status());
      if (what == "execution") return {200, execution_json(*info), {}};
      return {200, what == "config" ? model_config_json(*info) : model_metadata_json(*info), {}};
    }
    return infer(request, name, *version, info.ok() ? &*info : nullptr);
  }

 private:
  Answer infer(const Json& request, const std::string& name, std::int64_t version,
               const ModelInfo* info) {
    const std::string body = text_member(request, "text") + from_hex(text_member(request, "hex"));
    const std::string header = text_member(request["headers"], "Inference-Header-Content-Length");
    const bool has_header = request["headers"].HasMember("Inference-Header-Content-Length");
    HttpInferCall call;
    call.request.model = name;
    call.request.version = version;
    Buffer owner = buffer_of(body);
    const std::span<const std::byte> bytes = writable(owner);
    const Status decoded =
        decode_http_infer(std::move(owner), bytes,
                          has_header ? std::optional<std::string_view>(header) : std::nullopt, info,
                          {}, engine_.engine->copies(), call);
    const std::string id = call.request.id;
    if (!decoded.ok()) return refused(decoded, id);
    Response response = engine_.engine->infer(std::move(call.request));
    if (response.status.ok()) {
      response.status =
          finish_outputs(*engine_.engine, call.outputs, engine_.engine->copies(), response);
    }
    if (!response.status.ok()) return refused(response.status, id);
    const auto reply = encode_http_infer(response, call.outputs);
    if (!reply.ok()) return refused(reply.status(), id);
    Answer answer{200, reply->json, {}};
    for (const Tensor& tensor : reply->binary) answer.binary += text_of(tensor);
    return answer;
  }

  testing::LoadedEngine engine_;
};

void check_json(const Json& expected, const Answer& got) {
  const auto answer = parse_json(got.json);
  if (expected.HasMember("json")) {
    EXPECT_TRUE(expected["json"] == answer) << got.json;
  }
  if (expected.HasMember("json_contains")) {
    for (const auto& member : expected["json_contains"].GetObject()) {
      ASSERT_TRUE(answer.HasMember(member.name)) << got.json;
      EXPECT_TRUE(member.value == answer[member.name]) << got.json;
    }
  }
  if (expected.HasMember("error_contains")) {
    ASSERT_TRUE(answer.HasMember("error")) << got.json;
    const std::string error = text_member(answer, "error");
    EXPECT_NE(error.find(text_member(expected, "error_contains")), std::string::npos) << error;
  }
}

void check(const Json& expected, const Answer& got) {
  EXPECT_EQ(got.status, expected["status"].GetInt()) << got.json;
  check_json(expected, got);
  EXPECT_NE(got.json.find(text_member(expected, "text_contains")), std::string::npos) << got.json;
  EXPECT_EQ(got.binary, from_hex(text_member(expected, "binary_hex")));
}

TEST(Contract, EveryCaseHasItsAnswer) {
  InProcess server;
  const std::size_t cases = testing::for_each_contract_case("cases", [&server](const Json& entry) {
    check(entry["response"], server.handle(entry["request"]));
  });
  EXPECT_GE(cases, 60u);
}

}  // namespace
}  // namespace mlops
