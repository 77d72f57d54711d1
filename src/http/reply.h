#pragma once
// HTTP/1 responses into a connection's output.

#include <string_view>

#include "http/routes.h"
#include "net/out_queue.h"
#include "protocol/compression.h"
#include "protocol/http_infer.h"

namespace mlops {

// How the request that is answered wants its answer framed.
struct ReplyStyle {
  bool keep_alive = true;
  bool http_1_0 = false;
  bool head_only = false;            // HEAD: everything but the body
  Coding coding = Coding::identity;  // that the client asked for
};

void write_continue(OutQueue& out);
void write_answer(OutQueue& out, const ReplyStyle& asked, const HttpAnswer& answer);
void write_infer_reply(OutQueue& out, const ReplyStyle& style, HttpInferReply&& reply);

// An answer that comes in pieces: server-sent events, chunked, or, for HTTP/1.0, up to the end of
// the connection.
void begin_events(OutQueue& out, ReplyStyle& style, int status);
void write_event(OutQueue& out, const ReplyStyle& style, std::string_view data);
void end_events(OutQueue& out, const ReplyStyle& style);

}  // namespace mlops
