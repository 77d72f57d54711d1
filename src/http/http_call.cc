#include "http/http_connection.h"

namespace mlops {

Ref<HttpCall> HttpCall::make(CallOwner& owner, Turn& turn) {
  HttpCall* call = SpareCalls<HttpCall>::take();
  if (!call) return Ref<HttpCall>::adopt(new HttpCall(owner, turn));
  call->revive();
  call->begin(owner, turn);
  return Ref<HttpCall>::adopt(call);
}

void HttpCall::renew() {
  Call::renew();
  outputs.renew();
}

void HttpCall::last_ref_gone() {
  if (!SpareCalls<HttpCall>::keep(*this)) delete this;
}

}  // namespace mlops
