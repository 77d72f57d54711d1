#include "protocol/grpc_cold.h"

#include <gtest/gtest.h>

#include "described_model.h"
#include "protocol/health.pb.h"
#include "protocol/kserve.pb.h"

namespace mlops {
namespace {

class GrpcCold : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { silence_protobuf_log(); }

  template <class Reply>
  Reply answer(GrpcMethod method, const google::protobuf::MessageLite& request) {
    const auto bytes = answer_grpc_cold(method, request.SerializeAsString(), parts_);
    EXPECT_TRUE(bytes.ok()) << bytes.status().message();
    Reply reply;
    EXPECT_TRUE(bytes.ok() && reply.ParseFromString(*bytes));
    return reply;
  }
  Status refusal(GrpcMethod method, std::string_view message) {
    return answer_grpc_cold(method, message, parts_).status();
  }

  testing::DescribedEngine engine_;
  ServerFacts facts_{.name = "mlops-server", .version = "0.1"};
  ServerParts parts_{engine_, facts_};
};

TEST_F(GrpcCold, PathsNameMethods) {
  EXPECT_EQ(grpc_method("/inference.GRPCInferenceService/ModelInfer"), GrpcMethod::model_infer);
  EXPECT_EQ(grpc_method("/inference.GRPCInferenceService/ServerLive"), GrpcMethod::server_live);
  EXPECT_EQ(grpc_method("/inference.GRPCInferenceService/TraceSetting"), GrpcMethod::trace_setting);
  EXPECT_EQ(grpc_method("/grpc.health.v1.Health/Watch"), GrpcMethod::health_watch);
  for (const char* path : {"", "/", "ModelInfer", "/inference.GRPCInferenceService",
                           "/inference.GRPCInferenceService/", "/other.Service/ModelInfer",
                           "/inference.GRPCInferenceService/modelinfer", "//ModelInfer",
                           "/grpc.health.v1.Health/ModelInfer"}) {
    EXPECT_EQ(grpc_method(path), std::nullopt) << path;
  }
}

TEST_F(GrpcCold, Server) {
  EXPECT_TRUE((
      answer<inference::ServerLiveResponse>(GrpcMethod::server_live, inference::ServerLiveRequest())
          .live()));
  EXPECT_TRUE((answer<inference::ServerReadyResponse>(GrpcMethod::server_ready,
                                                      inference::ServerReadyRequest())
                   .ready()));
  engine_.is_ready = false;
  EXPECT_FALSE((answer<inference::ServerReadyResponse>(GrpcMethod::server_ready,
                                                       inference::ServerReadyRequest())
                    .ready()));
  const auto metadata = answer<inference::ServerMetadataResponse>(
      GrpcMethod::server_metadata, inference::ServerMetadataRequest());
  EXPECT_EQ(metadata.name(), "mlops-server");
  EXPECT_EQ(metadata.version(), "0.1");
  EXPECT_EQ(static_cast<std::size_t>(metadata.extensions_size()), facts_.extensions.size());
}

TEST_F(GrpcCold, ModelReady) {
  inference::ModelReadyRequest request;
  request.set_name("flights");
  EXPECT_TRUE((answer<inference::ModelReadyResponse>(GrpcMethod::model_ready, request).ready()));
  request.set_version("1");
  EXPECT_FALSE((answer<inference::ModelReadyResponse>(GrpcMethod::model_ready, request).ready()));
  request.set_version("x");
  EXPECT_EQ(refusal(GrpcMethod::model_ready, request.SerializeAsString()).code(),
            Code::invalid_argument);
}

TEST_F(GrpcCold, ModelMetadataGivesTheShapesOfTheGraph) {
  inference::ModelMetadataRequest request;
  request.set_name("flights");
  const auto reply = answer<inference::ModelMetadataResponse>(GrpcMethod::model_metadata, request);
  EXPECT_EQ(reply.platform(), "onnxruntime_onnx");
  EXPECT_EQ(reply.versions(1), "2");
  EXPECT_EQ(reply.inputs(0).datatype(), "FP32");
  EXPECT_EQ(reply.inputs(0).shape(0), -1);
  EXPECT_EQ(reply.inputs(0).shape(1), 4);
  EXPECT_EQ(reply.outputs(0).name(), "y");
  request.set_name("other");
  EXPECT_EQ(refusal(GrpcMethod::model_metadata, request.SerializeAsString()).code(),
            Code::not_found);
}

TEST_F(GrpcCold, ModelConfigLeavesOutTheBatchAxis) {
  inference::ModelConfigRequest request;
  request.set_name("flights");
  const auto config =
      answer<inference::ModelConfigResponse>(GrpcMethod::model_config, request).config();
  EXPECT_EQ(config.backend(), "onnxruntime");
  EXPECT_EQ(config.max_batch_size(), 32);
  EXPECT_EQ(config.dynamic_batching().max_queue_delay_microseconds(), 500u);
  EXPECT_EQ(config.input(0).data_type(), inference::TYPE_FP32);
  ASSERT_EQ(config.input(0).dims_size(), 1);
  EXPECT_EQ(config.input(0).dims(0), 4);
  EXPECT_EQ(config.input(1).data_type(), inference::TYPE_STRING);
  EXPECT_EQ(config.input(1).dims_size(), 0);
  EXPECT_EQ(config.instance_group(0).count(), 3);
}

TEST_F(GrpcCold, RepositoryIndex) {
  inference::RepositoryIndexRequest request;
  const auto reply =
      answer<inference::RepositoryIndexResponse>(GrpcMethod::repository_index, request);
  ASSERT_EQ(reply.models_size(), 1);
  EXPECT_EQ(reply.models(0).name(), "flights");
  EXPECT_EQ(reply.models(0).state(), "READY");
  request.set_repository_name("r");
  EXPECT_EQ(refusal(GrpcMethod::repository_index, request.SerializeAsString()).code(),
            Code::unimplemented);
}

TEST_F(GrpcCold, Health) {
  using Reply = ::grpc::health::v1::HealthCheckResponse;
  ::grpc::health::v1::HealthCheckRequest request;
  EXPECT_EQ(answer<Reply>(GrpcMethod::health_check, request).status(), Reply::SERVING);
  request.set_service("inference.GRPCInferenceService");
  engine_.is_ready = false;
  EXPECT_EQ(answer<Reply>(GrpcMethod::health_check, request).status(), Reply::NOT_SERVING);
  request.set_service("other");
  EXPECT_EQ(refusal(GrpcMethod::health_check, request.SerializeAsString()).code(), Code::not_found);
  EXPECT_EQ(health_of("other", engine_), ServingStatus::service_unknown);
  EXPECT_EQ(*decode_health_service(request.SerializeAsString()), "other");
}

TEST_F(GrpcCold, BrokenAndUnservedMessages) {
  for (const GrpcMethod method :
       {GrpcMethod::server_live, GrpcMethod::server_ready, GrpcMethod::model_ready,
        GrpcMethod::model_metadata, GrpcMethod::model_config, GrpcMethod::repository_index,
        GrpcMethod::health_check}) {
    EXPECT_EQ(refusal(method, "\x0a\x7f").code(), Code::invalid_argument);
  }
  EXPECT_EQ(refusal(GrpcMethod::model_ready, "\x0a\x01\xff").code(), Code::invalid_argument);
  EXPECT_EQ(refusal(GrpcMethod::model_stream_infer, "").code(), Code::unimplemented);
}

}  // namespace
}  // namespace mlops
