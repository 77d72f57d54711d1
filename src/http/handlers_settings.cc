#include "http/handlers.h"
#include "protocol/log_settings.h"
#include "protocol/trace_settings.h"

namespace mlops {
namespace {

HttpAnswer trace_answer(const TraceControl& trace, const std::string& model) {
  return {.body = trace_settings_json(trace, model)};
}

}  // namespace

HttpAnswer get_trace_setting(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.trace) return failure(Status::unavailable("the server does not trace"));
  if (Status known = check_traced_model(service.parts.engine, ask.model); !known.ok()) {
    return failure(known);
  }
  return trace_answer(*service.parts.trace, ask.model);
}

HttpAnswer set_trace_setting(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.trace) return failure(Status::unavailable("the server does not trace"));
  if (Status known = check_traced_model(service.parts.engine, ask.model); !known.ok()) {
    return failure(known);
  }
  const Result<TraceUpdate> update = parse_trace_update(ask.text());
  if (!update.ok()) return failure(update.status());
  service.parts.trace->update(ask.model, *update);
  return trace_answer(*service.parts.trace, ask.model);
}

HttpAnswer get_log_settings(const HttpService& service, const HttpAsk&) {
  if (!service.parts.log) return failure(Status::unavailable("the server has no log"));
  return {.body = log_settings_json(service.parts.log->settings())};
}

HttpAnswer set_log_settings(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.log) return failure(Status::unavailable("the server has no log"));
  const Result<LogUpdate> update = parse_log_update(ask.text());
  if (!update.ok()) return failure(update.status());
  service.parts.log->update(*update);
  return get_log_settings(service, ask);
}

}  // namespace mlops
