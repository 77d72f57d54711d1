// Transport spike: the echo of bench/floor on stock gRPC C++, callback or asynchronous API. See ADR
// 0005.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "infer_echo.grpc.pb.h"

namespace {

void echo(const inference::ModelInferRequest& request, inference::ModelInferResponse& reply) {
  reply.set_model_name("echo");
  reply.set_model_version("1");
  auto* output = reply.add_outputs();
  *output = request.inputs(0);
  output->set_name("output");
  reply.add_raw_output_contents(request.raw_input_contents(0));
}

class CallbackService final : public inference::GRPCInferenceService::CallbackService {
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const inference::ModelInferRequest* request,
                                       inference::ModelInferResponse* reply) override {
    echo(*request, *reply);
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// One call of the asynchronous API: waits for a request, answers it, and is replaced by the next.
class AsyncCall {
 public:
  AsyncCall(inference::GRPCInferenceService::AsyncService& service,
            grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), responder_(&context_) {
    service_.RequestModelInfer(&context_, &request_, &responder_, &queue_, &queue_, this);
  }

  void proceed(bool ok) {
    if (finished_ || !ok) {
      delete this;
      return;
    }
    new AsyncCall(service_, queue_);
    inference::ModelInferResponse reply;
    echo(request_, reply);
    finished_ = true;
    responder_.Finish(reply, grpc::Status::OK, this);
  }

 private:
  inference::GRPCInferenceService::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  inference::ModelInferRequest request_;
  grpc::ServerAsyncResponseWriter<inference::ModelInferResponse> responder_;
  bool finished_ = false;
};

void run_async(inference::GRPCInferenceService::AsyncService& service,
               grpc::ServerCompletionQueue& queue) {
  for (int i = 0; i < 128; ++i) new AsyncCall(service, queue);
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<AsyncCall*>(tag)->proceed(ok);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: grpc-stock-echo callback|async PORT\n", stderr);
    return 1;
  }
  const bool async = std::string_view(argv[1]) == "async";
  int port = 0;
  CallbackService callback_service;
  inference::GRPCInferenceService::AsyncService async_service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[2], grpc::InsecureServerCredentials(),
                           &port);
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  if (async) {
    builder.RegisterService(&async_service);
    queue = builder.AddCompletionQueue();
  } else {
    builder.RegisterService(&callback_service);
  }
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || port == 0) return 1;
  std::printf("{\"grpc_port\": %d}\n", port);
  std::fflush(stdout);
  if (async) run_async(async_service, *queue);
  server->Wait();
  return 0;
}
