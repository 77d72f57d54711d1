// The part of HttpConnection that asks who asks, and whether they may.

#include "http/http_connection.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

ShownKeys keys_shown(const HttpHead& head, const Gate& gate) {
  ShownKeys keys = gate.keys();
  if (!keys.of) return keys;
  std::string_view fields = head.fields;
  std::string_view name;
  std::string_view value;
  while (take_http_field(fields, name, value)) keys.show(name, value);
  return keys;
}

}  // namespace

Judgement HttpConnection::admit(const HttpHead& head, const HttpRouteEntry& entry) {
  std::string why;
  principal_ = service_.gate.access()
                   ? credentials_.identify(head.authorization, link_.turn().now, why)
                   : nullptr;
  return service_.gate.admit(entry.call.call, principal_, why, keys_shown(head, service_.gate));
}

HttpAnswer HttpConnection::refusal(const Judgement& judgement, const HttpHead& head) const {
  HttpAnswer answer{.status = judgement.http_status(), .body = {}};
  answer.body = "{\"error\":";
  append_json_string(answer.body, judgement.text);
  answer.body += "}";
  if (judgement.verdict == Verdict::unauthenticated) {
    answer.challenge = bearer_challenge(!head.authorization.empty());
  }
  if (judgement.verdict == Verdict::limited) answer.retry_after_s = judgement.retry_after_s;
  return answer;
}

AuditRecord HttpConnection::audit_record(ServerCall call) const {
  return {.call = call,
          .door = "http",
          .who = principal_ ? principal_->name : std::string(),
          .peer_name = link_.peer_name(),
          .address = link_.peer_address(),
          .target = {},
          .result = {}};
}

// Only of requests whose body is on its way: the others are judged in permit(), and keep their
// connection when they are refused.
HttpRefusal HttpConnection::judge_head(const HttpHead& head) {
  if (!service_.gate.closed()) return {};
  const HttpRouteMatch match = match_route(service_.routes, head.method, head.path);
  if (!match.entry) return {};
  const Judgement judgement = admit(head, *match.entry);
  if (judgement.granted()) return {};
  refused_ = refusal(judgement, head);
  if (service_.audit && rule_of(match.entry->call.call).administrative) {
    AuditRecord record = audit_record(match.entry->call.call);
    record.result = std::to_string(refused_->status);
    service_.audit->record_refused(record, link_.turn().now);
  }
  return {refused_->status, refused_->body};
}

// False when slot.answer says why not.
bool HttpConnection::permit(const HttpHead& head, const HttpRouteEntry& entry, Slot& slot) {
  principal_ = nullptr;
  if (!service_.gate.closed()) return true;
  Judgement judgement = admit(head, entry);
  const bool counted = service_.gate.counts(entry.call.call);
  if (judgement.granted() && counted) judgement = Gate::count(principal_, link_.turn().now);
  if (judgement.granted()) return true;
  slot.answer = refusal(judgement, head);
  if (service_.audit && rule_of(entry.call.call).administrative) {
    AuditRecord record = audit_record(entry.call.call);
    record.result = std::to_string(slot.answer.status);
    service_.audit->record_refused(record, link_.turn().now);
  }
  return false;
}

}  // namespace mlops
