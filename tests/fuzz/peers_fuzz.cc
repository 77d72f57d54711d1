// What the servers that this one is a client of answer, and what callers say of their traces: any
// bytes are an error or a value, never a crash. The first byte chooses the parser.

#include <cstdlib>

#include "client/http_reply.h"
#include "client/url.h"
#include "grpc/grpc_text.h"
#include "protocol/trace_context.h"
#include "store/s3_listing.h"

namespace {

using namespace mlops;

void expect(bool holds) {
  if (!holds) std::abort();
}

void check(const Status& status) { expect(status.ok() || !status.message().empty()); }

struct Reply {
  Status status;
  int code = 0;
  std::string body;
  bool done = false;
  bool reusable = false;
};

Reply parse(std::string_view bytes, std::size_t piece, bool bodyless) {
  Reply reply;
  HttpReplyParser parser(bodyless, [&reply](std::string_view part) {
    reply.body.append(part);
    return Status();
  });
  while (!bytes.empty() && reply.status.ok()) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    reply.status = parser.received(part);
  }
  if (reply.status.ok() && !parser.done()) reply.status = parser.closed();
  reply.done = parser.done();
  reply.reusable = parser.reusable();
  if (reply.done) reply.code = parser.head().status;
  return reply;
}

// The same however the bytes are cut.
void reply(std::string_view text, std::size_t piece, bool bodyless) {
  const Reply whole = parse(text, text.size(), bodyless);
  const Reply cut = parse(text, piece, bodyless);
  check(whole.status);
  expect(whole.status.code() == cut.status.code() && whole.body == cut.body);
  expect(whole.done == cut.done && whole.reusable == cut.reusable && whole.code == cut.code);
}

void listing(std::string_view text) {
  const Result<S3Listing> listed = parse_s3_listing(text);
  check(listed.status());
  if (listed.ok()) {
    for (const S3Object& object : listed->objects) expect(!object.key.empty());
  }
  expect(s3_error_text(text).size() <= 300);
}

// What was taken apart, put together, is the same.
void url(std::string_view text) {
  const Result<Url> first = parse_url(text);
  check(first.status());
  if (!first.ok()) return;
  const std::string again =
      (first->tls ? "https://" : "http://") + first->authority() + first->target;
  const Result<Url> second = parse_url(again);
  expect(second.ok() || again.size() > text.size());
  if (!second.ok()) return;
  expect(second->host == first->host && second->port == first->port);
  expect(second->target == first->target && second->tls == first->tls);
}

void headers(std::string_view text) {
  const std::string_view parent = text.substr(0, text.find('\n'));
  const std::string_view state = text.substr(std::min(parent.size() + 1, text.size()));
  const std::optional<TraceContext> context = parse_trace_context(parent, state);
  expect(context.has_value() == !trace_id_text(parent).empty());
  if (context) expect(context->state.size() <= kTraceStateBytesMax);
  const std::optional<Duration> timeout = parse_grpc_timeout(parent);
  expect(!timeout || *timeout >= Duration::zero());
  expect(encode_grpc_message(text, 64).size() <= 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      reply(text, 1 + data[0] / 8, (data[0] & 4) != 0);
      break;
    case 1:
      listing(text);
      break;
    case 2:
      url(text);
      break;
    default:
      headers(text);
      break;
  }
  return 0;
}
