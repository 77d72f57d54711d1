#include "grpc/grpc_head.h"

#include "access/token_digest.h"
#include "grpc/grpc_text.h"

namespace mlops {
namespace {

// Triton's, before the key of a restricted call.
constexpr std::string_view kRestrictedKeyPrefix = "triton-grpc-protocol-";

}  // namespace

GrpcHead::GrpcHead(const FieldList& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) read(fields[i].name, fields[i].value);
}

GrpcHead::~GrpcHead() {
  wipe(authorization);
  for (auto& [name, value] : keys) wipe(value);
}

void GrpcHead::read(std::string_view name, std::string_view value) {
  if (name == ":path") {
    method = grpc_method(value);
  } else if (name == ":method") {
    is_post = value == "POST";
  } else if (name == "content-type") {
    constexpr std::string_view kType = "application/grpc";
    is_grpc =
        value.starts_with(kType) &&
        (value.size() == kType.size() || value[kType.size()] == '+' || value[kType.size()] == ';');
  } else if (name == "authorization") {
    authorized_twice = std::exchange(has_authorization, true);
    if (!authorized_twice) authorization = value;
  } else if (name == "triton_grpc_error") {
    errors_end = value == "true";
  } else if (name == "grpc-encoding") {
    encoding = coding_named(value);
  } else if (name == "grpc-accept-encoding") {
    accepts_gzip = accepts_coding(value, Coding::gzip);
    accepts_deflate = accepts_coding(value, Coding::deflate);
  } else if (name == "grpc-timeout") {
    timeout = parse_grpc_timeout(value);
    timeout_malformed = !timeout;
  } else if (name == "traceparent") {
    // Two of them contradict each other: the context is unknown.
    traceparent = traceparent.empty() ? value : "-";
  } else if (name == "tracestate") {
    tracestate = value;
  } else if (name.starts_with(kRestrictedKeyPrefix)) {
    keys.emplace_back(name.substr(kRestrictedKeyPrefix.size()), value);
  } else if (!name.starts_with(":") && name != "te" && name != "user-agent") {
    others.push_back({std::string(name), std::string(value)});
  }
}

std::size_t GrpcHead::bytes() const {
  std::size_t bytes = sizeof *this + traceparent.size() + tracestate.size() + authorization.size();
  for (const auto& [name, value] : keys) bytes += sizeof keys[0] + name.size() + value.size();
  for (const RequestHeader& other : others) {
    bytes += sizeof other + other.name.size() + other.value.size();
  }
  return bytes;
}

}  // namespace mlops
