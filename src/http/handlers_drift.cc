#include "http/handlers.h"
#include "observe/profile_bytes.h"
#include "protocol/drift_alerts_json.h"
#include "protocol/drift_json.h"
#include "protocol/model_version.h"

namespace mlops {
namespace {

// ask.region: a span, or empty for all since the version was loaded or reset.
Result<DriftSnapshot> look(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return version.status();
  std::optional<Duration> span;
  if (!ask.region.empty()) {
    const Result<Duration> parsed = parse_span(ask.region);
    if (!parsed.ok()) return parsed.status();
    span = *parsed;
  }
  return service.parts.engine.drift(ask.model, *version, span);
}

HttpAnswer change(const HttpService& service, const HttpAsk& ask,
                  Status (Engine::*how)(const std::string&, std::int64_t)) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  return answer_done((service.parts.engine.*how)(ask.model, *version));
}

}  // namespace

HttpAnswer drift_report(const HttpService& service, const HttpAsk& ask) {
  const Result<DriftSnapshot> seen = look(service, ask);
  return seen.ok() ? HttpAnswer{.body = drift_json(*seen)} : failure(seen.status());
}

namespace {

HttpAnswer look_at(const HttpService& service, const HttpAsk& ask, DriftLook how) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  const Result<Duration> span = parse_span(ask.region);
  if (!span.ok()) return failure(span.status());
  const Result<DriftSnapshot> seen =
      service.parts.engine.look_at_drift(ask.model, *version, how, *span);
  return seen.ok() ? HttpAnswer{.body = drift_json(*seen)} : failure(seen.status());
}

}  // namespace

HttpAnswer drift_period_before(const HttpService& service, const HttpAsk& ask) {
  return look_at(service, ask, DriftLook::period_before);
}

HttpAnswer drift_hours_of_week(const HttpService& service, const HttpAsk& ask) {
  return look_at(service, ask, DriftLook::hours_of_week);
}

HttpAnswer drift_decayed(const HttpService& service, const HttpAsk& ask) {
  return look_at(service, ask, DriftLook::decayed);
}

// ask.region: the number of an event, or empty for all events.
HttpAnswer drift_alerts(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  const Result<std::uint64_t> after = parse_event_number(ask.region.empty() ? "0" : ask.region);
  if (!after.ok()) return failure(after.status());
  const Result<JudgeView> view = service.parts.engine.drift_alerts(ask.model, *version, *after);
  return view.ok() ? HttpAnswer{.body = drift_alerts_json(*view)} : failure(view.status());
}

HttpAnswer drift_profile(const HttpService& service, const HttpAsk& ask) {
  Result<DriftSnapshot> seen = look(service, ask);
  if (!seen.ok()) return failure(seen.status());
  if (!seen->reference) {
    return failure(Status::unavailable("rows are collected, and there is no reference yet"));
  }
  return {.body = profile_bytes({seen->reference, std::move(seen->window.counts)}),
          .content_type = "application/octet-stream"};
}

HttpAnswer drift_reset(const HttpService& service, const HttpAsk& ask) {
  return change(service, ask, &Engine::reset_drift);
}

HttpAnswer drift_reference(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  if (ask.body.empty()) {
    return failure(
        Status::invalid_argument("the body is a profile, as a reference.profile has it"));
  }
  return answer_done(service.parts.engine.replace_drift_reference(ask.model, *version, ask.text()));
}

HttpAnswer drift_collect(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  return answer_done(service.parts.engine.replace_drift_reference(ask.model, *version, {}));
}

HttpAnswer drift_freeze(const HttpService& service, const HttpAsk& ask) {
  return change(service, ask, &Engine::freeze_drift);
}

}  // namespace mlops
