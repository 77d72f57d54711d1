#pragma once
// What the headers of a call said, as far as it matters. Shared by all calls of a connection whose
// header block is the same: who asks, and when, is not in here.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "h2/field_list.h"
#include "h2/request_head.h"
#include "protocol/compression.h"
#include "protocol/grpc_cold.h"

namespace mlops {

class GrpcHead final : public RequestHead {
 public:
  explicit GrpcHead(const FieldList& fields);
  ~GrpcHead() override;

  bool is_post = false;
  bool is_grpc = false;  // content-type
  bool timeout_malformed = false;
  bool errors_end = false;                            // triton_grpc_error
  std::optional<Coding> encoding = Coding::identity;  // of its messages; nullopt: unknown
  bool accepts_gzip = false;                          // in the reply
  bool accepts_deflate = false;
  std::optional<GrpcMethod> method;
  std::optional<Duration> timeout;
  std::string traceparent;  // W3C Trace Context, as sent
  std::string tracestate;
  bool has_authorization = false;
  bool authorized_twice = false;  // more than one Authorization header
  std::string authorization;      // the first one; wiped
  // Names without their prefix, and values, that may be keys of restricted calls; wiped.
  std::vector<std::pair<std::string, std::string>> keys;
  std::vector<RequestHeader> others;  // that a route may look at

  std::size_t bytes() const override;

 private:
  void read(std::string_view name, std::string_view value);
};

}  // namespace mlops
