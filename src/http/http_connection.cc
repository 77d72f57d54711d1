#include "http/http_connection.h"

#include <algorithm>

#include "http/handlers.h"
#include "net/route_headers.h"
#include "protocol/generate.h"
#include "protocol/model_version.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

HttpAnswer error_answer(int status, std::string_view text) {
  return {.status = status, .body = "{\"error\":\"" + std::string(text) + "\"}"};
}

}  // namespace

std::unique_ptr<Session> HttpSessionFactory::open(Link& link) {
  return std::make_unique<HttpConnection>(link, *service_.load(std::memory_order_acquire));
}

HttpConnection::HttpConnection(Link& link, const HttpService& service)
    : link_(link),
      service_(service),
      parser_(service.limits, service.bodies, service.parts.engine.copies()),
      credentials_(service.gate.access()),
      idle_since_(link.turn().now) {
  parser_.set_gate(this);
}

void HttpErrand::work() noexcept { answer = run_handler(service_, handler_, ask_); }

HttpConnection::~HttpConnection() {
  for (std::size_t i = first_slot_; i < slots_.size(); ++i) {
    HttpCall* call = slots_[i].call.get();
    if (call && call->abandon()) link_.turn().stats.calls_abandoned.add(1);
    if (slots_[i].errand) slots_[i].errand->abandon();
  }
}

void HttpConnection::received_in_space(std::size_t bytes) {
  parser_.received_in_space(bytes);
  note_input(bytes);
  parse();
}

void HttpConnection::received(std::span<const std::byte> bytes, const Buffer& chunk) {
  if (closing_) return;
  parser_.received(bytes, chunk);
  note_input(bytes.size());
  parse();
}

void HttpConnection::note_input(std::size_t bytes) {
  if (receiving_since_ == kNever) receiving_since_ = link_.turn().now;
  body_bytes_ += bytes;
}

// What is being received now that all there was has been parsed, and since when.
void HttpConnection::note_progress(bool handled) {
  const TimePoint now = link_.turn().now;
  if (!parser_.mid_request()) {
    receiving_since_ = body_since_ = kNever;
    idle_since_ = now;
    return;
  }
  if (handled) {
    receiving_since_ = now;
    body_since_ = kNever;
  }
  if (parser_.in_body() && body_since_ == kNever) {
    body_since_ = now;
    body_bytes_ = 0;
  }
}

void HttpConnection::parse() {
  HttpRequest request;
  bool handled = false;
  while (wants_input()) {
    const Http1Parser::Event event = parser_.next(request);
    if (event == Http1Parser::Event::need_input) break;
    if (event == Http1Parser::Event::refused) {
      closing_ = broken_input_ = true;
      Slot slot;
      slot.answer = refused_ ? std::move(*refused_)
                             : error_answer(parser_.refusal().status, parser_.refusal().text);
      slot.route = HttpRoute::malformed;
      slot.style.keep_alive = false;
      push(std::move(slot));
      break;
    }
    handle(request);
    handled = true;
  }
  // A client that waits for permission gets it once everything before is answered.
  if (waiting() == 0 && !closing_ && parser_.take_continue()) {
    write_continue(link_.out);
    link_.touch();
    body_since_ = kNever;  // only now is it the client's turn
  }
  note_progress(handled);
}

void HttpConnection::handle(HttpRequest& request) {
  Slot slot;
  slot.style = {.keep_alive = request.head.keep_alive && !draining_,
                .http_1_0 = request.head.http_1_0,
                .head_only = request.head.method == HttpMethod::head,
                .coding = preferred_coding(request.head.accept_encoding)};
  closing_ = !slot.style.keep_alive;
  const HttpRouteMatch match = match_route(service_.routes, request.head.method, request.head.path);
  if (!match.entry) {
    const bool other_method = !match.allow.empty();
    slot.answer =
        error_answer(other_method ? 405 : 404, other_method ? "Method Not Allowed" : "Not Found");
    slot.answer.allow = match.allow;
  } else {
    slot.route = match.entry->route;
    if (service_.parts.log && service_.parts.log->is_verbose()) {
      begin_line(request, match.parts, slot);
    }
    if (!permit(request.head, *match.entry, slot) || !decode_body(request, slot)) {
      // slot.answer says why
    } else if (match.entry->handler) {
      ask(request, match, slot);
    } else if (slot.route == HttpRoute::infer) {
      infer(request, match.parts, slot);
    } else {
      generate(request, match.parts, slot);
    }
  }
  push(std::move(slot));
}

// Undoes the body's compression. False when slot.answer says why it cannot be.
bool HttpConnection::decode_body(HttpRequest& request, Slot& slot) {
  if (request.head.content_encoding.empty()) return true;
  const std::optional<Coding> coding = coding_named(request.head.content_encoding);
  if (!coding) {
    slot.answer = error_answer(415, "the content encodings served are gzip, deflate and identity");
    return false;
  }
  if (*coding == Coding::identity) return true;
  std::size_t size = 0;
  Result<Buffer> body = decompress(*coding, request.body, service_.decode_limits.body_bytes_max,
                                   service_.bodies, size);
  if (!body.ok()) {
    slot.answer = error_answer(body.status(), {});
    return false;
  }
  request.owner = *std::move(body);
  request.body = writable(request.owner).first(size);
  return true;
}

void HttpConnection::ask(HttpRequest& request, const HttpRouteMatch& match, Slot& slot) {
  HttpAsk ask;
  if (!percent_decode(match.parts.model, ask.model)) {
    slot.answer = error_answer(400, "malformed percent-encoding in the model name");
    return;
  }
  if (!percent_decode(match.parts.region, ask.region)) {
    slot.answer = error_answer(400, "malformed percent-encoding in the region name");
    return;
  }
  ask.version = match.parts.version;
  ask.body = request.body;
  ask.owner = request.owner;
  const HttpHandler handler = match.entry->handler;
  if (service_.audit && rule_of(match.entry->call.call).administrative) {
    ask.audit = audit_record(match.entry->call.call);
  }
  if (match.entry->runs == HttpRuns::here || !service_.errands) {
    slot.answer = run_handler(service_, handler, ask);
    return;
  }
  auto errand = make_ref<HttpErrand>(*this, link_.turn(), service_, handler, std::move(ask));
  if (service_.errands->take(errand)) {
    slot.errand = std::move(errand);
  } else {
    slot.answer = error_answer(503, "too many administrative requests wait; retry later");
  }
}

void HttpConnection::infer(HttpRequest& request, const HttpPathParts& parts, Slot& slot) {
  Ref<HttpCall> call = HttpCall::make(*this, link_.turn());
  HttpInferCall wire{.request = std::move(call->request), .outputs = std::move(call->outputs)};
  const Status status = decode(request, parts, wire);
  if (slot.line) slot.line->request_id = wire.request.id;
  if (!status.ok()) {
    slot.answer = error_answer(status, wire.request.id);
    return;
  }
  call->request = std::move(wire.request);
  call->outputs = std::move(wire.outputs);
  call->request.timeout_us = wire.timeout_us;
  note_headers(request.head, call->request);
  trace(request, *call);
  slot.call = call;
  link_.turn().drained.push_back(std::move(call));
}

void HttpConnection::note_headers(const HttpHead& head, Request& request) const {
  take_route_headers(service_.parts.engine, request,
                     [fields = head.fields](auto& name, auto& value) mutable {
                       return take_http_field(fields, name, value);
                     });
}

template <class AnyCall>
void HttpConnection::trace(const HttpRequest& request, AnyCall& call) {
  if (!service_.parts.trace) return;
  TraceDecision decision = service_.parts.trace->decide(
      call.request.model, request.head.traceparent, request.head.tracestate);
  if (!decision.traced) return;
  const TimePoint now = link_.turn().now;
  call.start_trace(std::min(receiving_since_, now), now, std::move(decision));
}

void HttpConnection::generate(HttpRequest& request, const HttpPathParts& parts, Slot& slot) {
  HttpInferCall wire;
  Status status;
  if (!percent_decode(parts.model, wire.request.model)) {
    status = Status::invalid_argument("malformed percent-encoding in the model name");
  }
  const Result<std::int64_t> version = parse_model_version(parts.version);
  if (status.ok()) status = version.status();
  if (status.ok()) {
    wire.request.version = *version;
    const Result<ModelInfo> model =
        service_.parts.engine.info(wire.request.model, wire.request.version);
    status = model.ok()
                 ? decode_generate(request.owner, request.body, *model, service_.decode_limits,
                                   service_.parts.engine.copies(), wire)
                 : model.status();
  }
  if (slot.line) slot.line->request_id = wire.request.id;
  if (!status.ok()) {
    slot.answer = error_answer(status, wire.request.id);
    return;
  }
  auto call = make_ref<PartedCall>(*this, link_.turn());
  call->request = std::move(wire.request);
  call->request.timeout_us = wire.timeout_us;
  note_headers(request.head, call->request);
  trace(request, *call);
  slot.generate = std::make_unique<GenerateReply>(call, slot.route == HttpRoute::generate_stream,
                                                  service_.parts.traces);
  link_.turn().drained.push_back(std::move(call));
}

Status HttpConnection::decode(HttpRequest& request, const HttpPathParts& parts,
                              HttpInferCall& wire) {
  if (!percent_decode(parts.model, wire.request.model)) {
    return Status::invalid_argument("malformed percent-encoding in the model name");
  }
  const Result<std::int64_t> version = parse_model_version(parts.version);
  if (!version.ok()) return version.status();
  wire.request.version = *version;
  const std::optional<std::string_view>& header_length = request.head.inference_header_length;
  wire.shared_memory = service_.parts.shared_memory;
  ModelInfo info;
  const bool raw = is_raw_binary_request(header_length);
  if (raw) {
    Result<ModelInfo> found = service_.parts.engine.info(wire.request.model, wire.request.version);
    if (!found.ok()) return found.status();
    info = std::move(*found);
  }
  return decode_http_infer(request.owner, request.body, header_length, raw ? &info : nullptr,
                           service_.decode_limits, service_.parts.engine.copies(), wire);
}

void HttpConnection::push(Slot&& slot) {
  link_.touch();
  if (waiting() == 0 && slot.ready()) return write(slot);
  slots_.push_back(std::move(slot));
}

void HttpConnection::call_answered(Call& /*call*/) noexcept {
  link_.touch();
  write_ready();
}

void HttpConnection::call_progressed(PartedCall& /*call*/) noexcept {
  link_.touch();
  write_ready();
}

// The first reply is written while it is made; the others wait for it.
void HttpConnection::write_events() {
  if (waiting() == 0) return;
  Slot& slot = slots_[first_slot_];
  if (slot.generate) slot.generate->pump(link_.out, slot.style);
}

void HttpConnection::errand_done(Errand& /*errand*/) noexcept {
  link_.touch();
  write_ready();
}

void HttpConnection::write_ready() {
  while (first_slot_ < slots_.size()) {
    write_events();
    Slot& slot = slots_[first_slot_];
    if (!slot.ready()) return;
    write(slot);
    slot = Slot{};
    ++first_slot_;
  }
  slots_.clear();
  first_slot_ = 0;
  idle_since_ = link_.turn().now;
  if (receiving_since_ != kNever) receiving_since_ = link_.turn().now;
}

void HttpConnection::write(Slot& slot) {
  if (slot.errand) slot.answer = std::move(slot.errand->answer);
  if (slot.generate) slot.answer = slot.generate->take_answer();
  const bool last = first_slot_ + 1 >= slots_.size();
  if (draining_ && last && !parser_.mid_request()) slot.style.keep_alive = false;
  const bool written = slot.generate && slot.generate->wrote_events();
  if (!written && (!slot.call || !write_reply(slot))) {
    write_answer(link_.out, slot.style, slot.answer);
  }
  link_.turn()
      .stats
      .http_requests[static_cast<std::size_t>(slot.route)][http_status_index(slot.answer.status)]
      .add(1);
  if (slot.line) write_line(slot);
  if (!slot.style.keep_alive) {
    closing_ = true;
    link_.finish(broken_input_ || parser_.mid_request());
  }
}

void HttpConnection::begin_line(const HttpRequest& request, const HttpPathParts& parts,
                                Slot& slot) const {
  slot.line = std::make_unique<RequestLine>();
  slot.line->protocol = "HTTP";
  (void)percent_decode(parts.model, slot.line->model);
  slot.line->trace_id = trace_id_text(request.head.traceparent);
  slot.line->began = std::min(receiving_since_, link_.turn().now);
}

void HttpConnection::write_line(Slot& slot) const {
  slot.line->route = http_route_name(slot.route);
  slot.line->status = std::to_string(slot.answer.status);
  slot.line->ended = std::chrono::steady_clock::now();
  service_.parts.log->request(*slot.line);
}

// False when there is an error to be told instead: slot.answer has it.
bool HttpConnection::write_reply(Slot& slot) {
  Response response = slot.call->take_response();
  if (!slot.call->trace()) return write_response(slot, std::move(response));
  TraceRecord record = record_of(*slot.call->trace(), *slot.call, response, "HTTP");
  const bool written = write_response(slot, std::move(response));
  write_record(service_.parts.traces, std::move(record));
  return written;
}

bool HttpConnection::write_response(Slot& slot, Response&& response) {
  if (response.status.ok()) {
    response.status = finish_outputs(service_.parts.engine, slot.call->outputs,
                                     service_.parts.engine.copies(), response);
  }
  if (!response.status.ok()) {
    slot.answer = error_answer(response.status, response.id);
    slot.answer.retry_after_s = response.retry_after_s;
    return false;
  }
  const Status encoded = encode_http_infer(response, slot.call->outputs, reply_);
  if (encoded.ok()) {
    reply_.arm = arm_of(response);
    reply_.version = response.version;
    write_infer_reply(link_.out, slot.style, std::move(reply_));
    slot.call->keep_memory(std::move(response));
  } else {
    slot.answer = error_answer(encoded, response.id);
  }
  reply_.clear();
  return encoded.ok();
}

void HttpConnection::resume() {
  if (waiting() > 0 && slots_[first_slot_].generate) write_ready();
  if (parser_.mid_request() && wants_input()) parse();
}

TimePoint HttpConnection::deadline() const {
  if (waiting() > 0) return kNever;
  if (receiving_since_ == kNever) return idle_since_ + service_.timeouts.idle;
  if (body_since_ == kNever) return receiving_since_ + service_.timeouts.header;
  const auto share =
      std::chrono::milliseconds(body_bytes_ * 1000 / service_.timeouts.body_bytes_per_second_min);
  return body_since_ + service_.timeouts.body + share;
}

void HttpConnection::expired() {
  if (receiving_since_ == kNever) return;
  closing_ = broken_input_ = true;
  Slot slot;
  slot.answer = error_answer(408, "the request did not arrive in time");
  slot.route = HttpRoute::malformed;
  slot.style.keep_alive = false;
  push(std::move(slot));
}

void HttpConnection::drain() {
  draining_ = true;
  if (waiting() == 0 && !parser_.mid_request()) link_.finish(false);
}

}  // namespace mlops
