#pragma once
// The reply to one generate or generate_stream request, while it is made. The first is one JSON
// object, the second server-sent events: one per response, an error among them when it comes after
// the model has begun to answer. Belongs to its connection's loop.

#include "http/reply.h"
#include "net/parted_call.h"

namespace mlops {

class GenerateReply {
 public:
  // Events are not made while the connection has more than this to send.
  static constexpr std::size_t kUnsentBytesMax = std::size_t{64} << 10;

  // `traces` outlives it, or is null.
  GenerateReply(Ref<PartedCall> call, bool streaming, TraceSink* traces = nullptr)
      : call_(std::move(call)), streaming_(streaming), traces_(traces) {}
  ~GenerateReply() { call_->abandon(); }
  GenerateReply(const GenerateReply&) = delete;
  GenerateReply& operator=(const GenerateReply&) = delete;

  // Takes what the call has to give, and writes it when it is streamed. May change `style`: a reply
  // without an announced length ends an HTTP/1.0 connection.
  void pump(OutQueue& out, ReplyStyle& style);
  bool finished() const { return finished_; }
  // Once finished: events were written, to the end. Otherwise take_answer() is yet to be written.
  bool wrote_events() const { return begun_; }
  HttpAnswer take_answer() { return std::move(answer_); }

 private:
  void take_part(const Response& part, OutQueue& out, ReplyStyle& style);
  void take_last(const Response& last, OutQueue& out, ReplyStyle& style);
  void write_last(const Response& last, OutQueue& out, ReplyStyle& style);
  void begin(int status, OutQueue& out, ReplyStyle& style);
  void event(const HttpAnswer& answer, OutQueue& out, ReplyStyle& style);
  void finish(HttpAnswer&& answer);

  Ref<PartedCall> call_;
  const bool streaming_;
  TraceSink* const traces_;
  bool begun_ = false;
  bool finished_ = false;
  bool has_one_ = false;  // generate: answer_ holds the one response there may be
  HttpAnswer answer_;
};

}  // namespace mlops
