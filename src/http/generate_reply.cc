#include "http/generate_reply.h"

#include "http/handlers.h"
#include "protocol/generate.h"
#include "protocol/status_map.h"

namespace mlops {
namespace {

HttpAnswer answer_of(const Response& response) {
  if (!response.status.ok()) return error_answer(response.status, response.id);
  Result<std::string> body = encode_generate(response);
  if (!body.ok()) return error_answer(body.status(), response.id);
  return {.body = *std::move(body)};
}

Status not_one() {
  return Status::internal(
      "generate expects model to produce exactly 1 response, use generate stream for model that "
      "generates various number of responses");
}

}  // namespace

void GenerateReply::pump(OutQueue& out, ReplyStyle& style) {
  while (!finished_ && out.size() < kUnsentBytesMax) {
    if (std::optional<Response> part = call_->take_part()) {
      take_part(*part, out, style);
    } else if (std::optional<Response> last = call_->take_answer()) {
      take_last(*last, out, style);
    } else {
      return;
    }
  }
}

void GenerateReply::take_part(const Response& part, OutQueue& out, ReplyStyle& style) {
  HttpAnswer answer = answer_of(part);
  if (streaming_) {
    event(answer, out, style);
    if (answer.status == 200) return;
    end_events(out, style);
    finished_ = true;
  } else if (has_one_) {
    finish(error_answer(not_one(), part.id));
  } else {
    has_one_ = true;
    answer_ = std::move(answer);
  }
  if (finished_) call_->abandon();
}

void GenerateReply::take_last(const Response& last, OutQueue& out, ReplyStyle& style) {
  if (!call_->trace()) return write_last(last, out, style);
  TraceRecord record = record_of(*call_->trace(), *call_, last, "HTTP");
  write_last(last, out, style);
  write_record(traces_, std::move(record));
}

void GenerateReply::write_last(const Response& last, OutQueue& out, ReplyStyle& style) {
  const bool in_parts = call_->decoupled;
  const bool empty = in_parts && last.status.ok();
  if (streaming_ && in_parts) {
    // An error is an event as soon as the model has been asked.
    if (!empty) event(answer_of(last), out, style);
    if (!begun_) begin(200, out, style);
    end_events(out, style);
    finished_ = true;
  } else if (streaming_ && last.status.ok()) {
    event(answer_of(last), out, style);
    end_events(out, style);
    finished_ = true;
  } else if (!empty) {
    finish(answer_of(last));
  } else {
    finish(has_one_ ? std::move(answer_) : error_answer(not_one(), last.id));
  }
}

void GenerateReply::begin(int status, OutQueue& out, ReplyStyle& style) {
  begun_ = true;
  answer_.status = status;
  begin_events(out, style, status);
}

void GenerateReply::event(const HttpAnswer& answer, OutQueue& out, ReplyStyle& style) {
  if (!begun_) begin(answer.status, out, style);
  write_event(out, style, answer.body);
}

void GenerateReply::finish(HttpAnswer&& answer) {
  answer_ = std::move(answer);
  finished_ = true;
}

}  // namespace mlops
