#include "engine/refusal.h"

namespace mlops {

std::string_view refusal_name(Refusal refusal) {
  switch (refusal) {
    case Refusal::queue_full:
      return "queue_full";
    case Refusal::timeout:
      return "timeout";
    case Refusal::inflight:
      return "inflight";
    case Refusal::memory:
      return "memory";
    case Refusal::objective:
      return "objective";
  }
  return "unknown";
}

Status refusal_status(Refusal refusal, const std::string& model) {
  const std::string of = " of model '" + model + "'";
  switch (refusal) {
    case Refusal::queue_full:
      return Status::unavailable("Exceeds maximum queue size" + of +
                                 "; retry later or add capacity");
    case Refusal::timeout:
      return Status::unavailable("Request timeout expired");  // clients compare all of it
    case Refusal::inflight:
      return Status::unavailable("Exceeds maximum number of requests in flight" + of +
                                 "; retry later");
    case Refusal::memory:
      return Status::unavailable("Exceeds maximum bytes of inputs in flight" + of +
                                 "; retry later or send less at a time");
    case Refusal::objective:
      return Status::unavailable("the latency objective" + of +
                                 " cannot be met for this request now; retry later");
  }
  return Status::internal("a refusal without a reason");
}

}  // namespace mlops
