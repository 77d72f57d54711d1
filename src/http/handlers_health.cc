#include "http/handlers.h"

namespace mlops {
namespace {

// Triton sends 400 without a body, KServe's client reads "ready" from the body: this serves both.
HttpAnswer readiness(bool ready) {
  if (ready) return {.body = R"({"ready":true})"};
  return {.status = 400, .body = R"({"ready":false})"};
}

}  // namespace

HttpAnswer server_live(const HttpService&, const HttpAsk&) { return {.body = R"({"live":true})"}; }

HttpAnswer server_ready(const HttpService& service, const HttpAsk&) {
  return readiness(service.state.ready(service.parts.engine));
}

HttpAnswer model_ready(const HttpService& service, const HttpAsk& ask) {
  return readiness(!service.state.draining() && find_model(service, ask).ok());
}

HttpAnswer metrics(const HttpService& service, const HttpAsk&) {
  return {.body = service.metrics_page(),
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .compressible = true};
}

}  // namespace mlops
