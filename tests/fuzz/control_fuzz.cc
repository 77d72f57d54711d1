// Bodies of the calls that administer: settings, regions of shared memory, loads and unloads, as
// JSON, and every gRPC method but infer as a message. The first byte chooses; an error has a text.

#include <array>
#include <cstdlib>

#include "protocol/grpc_cold.h"
#include "protocol/grpc_subject.h"
#include "protocol/log_settings.h"
#include "protocol/repository_json.h"
#include "protocol/shared_memory.h"
#include "protocol/trace_settings.h"
#include "support/engine_double.h"

namespace {

using namespace mlops;

class KeptLog final : public LogControl {
 public:
  LogSettings settings() const override { return {}; }
  void update(const LogUpdate&) override {}
  void request(const RequestLine&) override {}
};

struct Fixture {
  testing::EngineDouble engine;
  ServerFacts facts;
  TraceControl trace{"", {}};
  KeptLog log;
  ServerParts parts{.engine = engine,
                    .facts = facts,
                    .repository = nullptr,
                    .shared_memory = nullptr,
                    .trace = &trace,
                    .traces = nullptr,
                    .log = &log};
};

void check(const Status& status) {
  if (!status.ok() && status.message().empty()) std::abort();
}

void as_json(unsigned which, std::string_view body) {
  switch (which) {
    case 0:
      return check(parse_trace_update(body).status());
    case 1:
      return check(parse_log_update(body).status());
    case 2:
      return check(parse_shared_registration("r", body).status());
    case 3:
      return check(check_cuda_registration("r", body));
    case 4:
      return check(decode_load_request("m", body).status());
    case 5:
      return check(decode_unload_request(body).status());
    default:
      return check(decode_index_request(body).status());
  }
}

// Calls that block or stream have roads of their own.
constexpr std::array kMethods = {
    GrpcMethod::server_live,
    GrpcMethod::server_ready,
    GrpcMethod::model_ready,
    GrpcMethod::server_metadata,
    GrpcMethod::model_metadata,
    GrpcMethod::model_config,
    GrpcMethod::repository_index,
    GrpcMethod::model_statistics,
    GrpcMethod::repository_model_load,
    GrpcMethod::repository_model_unload,
    GrpcMethod::system_shared_memory_status,
    GrpcMethod::system_shared_memory_register,
    GrpcMethod::system_shared_memory_unregister,
    GrpcMethod::cuda_shared_memory_status,
    GrpcMethod::cuda_shared_memory_register,
    GrpcMethod::cuda_shared_memory_unregister,
    GrpcMethod::trace_setting,
    GrpcMethod::log_settings,
    GrpcMethod::health_check,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static Fixture fixture;
  static const bool silent = (silence_protobuf_log(), true);
  if (size == 0 || !silent) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const unsigned which = data[0] % 32;
  if (which < 7) {
    as_json(which, text);
  } else if (which - 7 < kMethods.size()) {
    const GrpcMethod method = kMethods[which - 7];
    (void)grpc_subject(method, text);
    check(answer_grpc_cold(method, text, fixture.parts).status());
  }
  return 0;
}
