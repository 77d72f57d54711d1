#pragma once
// One inference request and its answer, as plain data. Names and tensor bytes may point into
// buffers that `keep_alive` holds (a received body, a Python array): a Request is only as
// long-lived as they.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace mlops {

inline constexpr std::int64_t kAnyVersion = -1;  // the version that policy makes the default

using ParameterValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

struct Parameter {
  std::string name;
  ParameterValue value;
};

struct NamedTensor {
  std::string_view name;
  Tensor tensor;
};

// What came beside the request and the model's route looks at.
struct RequestHeader {
  std::string name;  // lower case
  std::string value;
};

struct Request {
  std::string model;
  std::int64_t version = kAnyVersion;
  std::string id;  // chosen by the client, returned unchanged; may be empty
  std::vector<NamedTensor> inputs;
  std::vector<std::string_view> outputs;  // wanted outputs, in order; empty means all
  std::vector<Parameter> parameters;
  std::vector<RequestHeader> headers;
  TimePoint deadline = kNever;
  // The protocol's `timeout` parameter, 0: none. What it means is the model's choice: how long the
  // request may wait in a queue with a policy, else one more deadline.
  std::uint64_t timeout_us = 0;
  // Whose the inputs' bytes are may write them once the request has been answered.
  bool inputs_may_change = false;
  std::vector<Buffer> keep_alive;

  // As it was made, but for the memory that it has: that is kept for the next request.
  void renew();
};

struct Response {
  Status status;  // when not ok, only model, version and id are meaningful
  std::string model;
  std::int64_t version = kAnyVersion;
  std::string id;
  // In the order asked for, or the signature's. Names live as long as `model_pin`.
  std::vector<NamedTensor> outputs;
  std::vector<Parameter> parameters;
  std::shared_ptr<const void> model_pin;
  std::uint64_t batch = 0;          // which execution it comes from; 0: unknown
  std::uint32_t retry_after_s = 0;  // of a refusal: when it is worth trying again; 0: unknown

  static Response failure(const Request& request, Status why);
  void renew();  // as Request's
};

}  // namespace mlops
