// The gRPC cases of tests/contract, run through the codecs and an engine of echo models, without
// sockets.
#include <gtest/gtest.h>

#include <array>

#include "contract_cases.h"
#include "decoding.h"
#include "protocol/grpc_cold.h"
#include "protocol/kserve.pb.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

using Json = rapidjson::Value;
using testing::from_hex;
using testing::text_member;

constexpr std::array<const char*, 17> kStatusNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

const char* status_name(Code code) {
  return kStatusNames.at(static_cast<std::size_t>(grpc_status(code)));
}

class GrpcInProcess {
 public:
  GrpcInProcess() {
    silence_protobuf_log();
    testing::load_contract_models(engine_);
  }

  // A message as the transport would send it, without the prefix.
  Result<std::string> infer(const std::string& message) {
    testing::Decoded<GrpcInferCall> call = testing::decode_grpc(message);
    // As the server with shared memory allowed, which has no regions yet.
    if (!call.status.ok()) return call.status;
    Response response = engine_.engine->infer(std::move(call.call.request));
    if (response.status.ok()) {
      response.status =
          finish_outputs(*engine_.engine, call.call.outputs, engine_.engine->copies(), response);
    }
    if (!response.status.ok()) return response.status;
    const Result<GrpcInferReply> reply = encode_grpc_infer(response);
    if (!reply.ok()) return reply.status();
    std::string bytes;
    std::size_t begin = 0;
    for (const auto& piece : reply->pieces) {
      bytes += reply->text.substr(begin, piece.text_end - begin) + testing::text_of(piece.tensor);
      begin = piece.text_end;
    }
    return (bytes + reply->text.substr(begin)).substr(kGrpcPrefixBytes);
  }

  Result<std::string> cold(GrpcMethod method, const std::string& message) {
    return answer_grpc_cold(method, message, parts_);
  }

 private:
  testing::LoadedEngine engine_;
  ServerFacts facts_;
  ServerParts parts_{*engine_.engine, facts_};
};

template <class Tensor>
void check_tensor(const Json& expected, const Tensor& got) {
  EXPECT_EQ(text_member(expected, "name"), got.name());
  EXPECT_EQ(text_member(expected, "datatype"), got.datatype());
  ASSERT_EQ(static_cast<int>(expected["shape"].Size()), got.shape_size());
  for (int i = 0; i < got.shape_size(); ++i) {
    EXPECT_EQ(expected["shape"][static_cast<rapidjson::SizeType>(i)].GetInt64(), got.shape(i));
  }
}

void check_infer(const Json& expected, const std::string& bytes) {
  inference::ModelInferResponse reply;
  ASSERT_TRUE(reply.ParseFromString(bytes));
  EXPECT_EQ(text_member(expected, "model_name"), reply.model_name());
  EXPECT_EQ(text_member(expected, "model_version"), reply.model_version());
  EXPECT_EQ(text_member(expected, "id"), reply.id());
  const Json& outputs = expected["outputs"];
  ASSERT_EQ(static_cast<int>(outputs.Size()), reply.outputs_size());
  ASSERT_EQ(reply.outputs_size(), reply.raw_output_contents_size());
  for (int i = 0; i < reply.outputs_size(); ++i) {
    const Json& output = outputs[static_cast<rapidjson::SizeType>(i)];
    check_tensor(output, reply.outputs(i));
    EXPECT_EQ(from_hex(text_member(output, "raw")), reply.raw_output_contents(i));
  }
}

void check_metadata(const Json& expected, const std::string& bytes) {
  inference::ModelMetadataResponse reply;
  ASSERT_TRUE(reply.ParseFromString(bytes));
  EXPECT_EQ(text_member(expected, "name"), reply.name());
  ASSERT_EQ(static_cast<int>(expected["versions"].Size()), reply.versions_size());
  EXPECT_EQ(expected["versions"][0].GetString(), reply.versions(0));
  ASSERT_EQ(reply.inputs_size(), 1);
  ASSERT_EQ(reply.outputs_size(), 1);
  check_tensor(expected["inputs"][0], reply.inputs(0));
  check_tensor(expected["outputs"][0], reply.outputs(0));
}

void check_ready(const Json& expected, const std::string& bytes) {
  inference::ModelReadyResponse reply;
  ASSERT_TRUE(reply.ParseFromString(bytes));
  EXPECT_EQ(expected["ready"].GetBool(), reply.ready());
}

void check(const Json& entry, GrpcInProcess& server, std::size_t& answered) {
  const std::string method = text_member(entry["request"], "method");
  const auto which = grpc_method("/inference.GRPCInferenceService/" + method);
  ASSERT_TRUE(which.has_value()) << method;
  const bool infers = which == GrpcMethod::model_infer;
  const bool describes = which == GrpcMethod::model_metadata;
  // Other methods act on parts of the server that are not here: only a socket reaches those.
  if (!infers && !describes && which != GrpcMethod::model_ready) return;
  const std::string message = from_hex(text_member(entry["request"], "hex"));
  const auto got = infers ? server.infer(message) : server.cold(*which, message);
  const Json& expected = entry["response"];
  EXPECT_EQ(text_member(expected, "status"), status_name(got.status().code()))
      << got.status().message();
  EXPECT_NE(got.status().message().find(text_member(expected, "error_contains")), std::string::npos)
      << got.status().message();
  ++answered;
  if (!got.ok()) return;
  if (infers) return check_infer(expected["json"], *got);
  return describes ? check_metadata(expected["json"], *got) : check_ready(expected["json"], *got);
}

TEST(GrpcContract, EveryCaseHasItsAnswer) {
  GrpcInProcess server;
  std::size_t answered = 0;
  const std::size_t cases = testing::for_each_contract_case(
      "grpc", [&](const Json& entry) { check(entry, server, answered); });
  EXPECT_GE(answered, 60u);
  EXPECT_GE(cases, answered);
}

}  // namespace
}  // namespace mlops
