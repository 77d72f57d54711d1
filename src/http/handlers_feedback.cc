#include "http/handlers.h"
#include "protocol/drift_json.h"
#include "protocol/feedback_json.h"
#include "protocol/model_version.h"

namespace mlops {

HttpAnswer give_feedback(const HttpService& service, const HttpAsk& ask) {
  if (ask.body.size() > kFeedbackBytesMax) {
    HttpAnswer answer = failure(Status::invalid_argument(
        "more than " + std::to_string(kFeedbackBytesMax) + " bytes of feedback at once"));
    answer.status = 413;
    return answer;
  }
  const Result<std::vector<Feedback>> items = parse_feedback(ask.text());
  if (!items.ok()) return failure(items.status());
  const Result<std::vector<Joined>> results = service.parts.engine.feedback(ask.model, *items);
  return results.ok() ? HttpAnswer{.body = feedback_json(*results)} : failure(results.status());
}

// ask.region: a span, or empty for all that is kept.
HttpAnswer model_quality(const HttpService& service, const HttpAsk& ask) {
  const Result<std::int64_t> version = parse_model_version(ask.version);
  if (!version.ok()) return failure(version.status());
  std::optional<Duration> span;
  if (!ask.region.empty()) {
    const Result<Duration> parsed = parse_span(ask.region);
    if (!parsed.ok()) return failure(parsed.status());
    span = *parsed;
  }
  const Result<QualityView> view = service.parts.engine.quality(ask.model, *version, span);
  return view.ok() ? HttpAnswer{.body = quality_json(*view)} : failure(view.status());
}

}  // namespace mlops
