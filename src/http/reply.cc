#include "http/reply.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace mlops {
namespace {

// A head is a few hundred bytes at most: put together on the stack, appended once.
class HeadText {
 public:
  HeadText& add(std::string_view text) {
    const std::size_t size = std::min(text.size(), sizeof bytes_ - size_);
    text.copy(bytes_ + size_, size);
    size_ += size;
    return *this;
  }
  HeadText& add(std::size_t number) {
    size_ = static_cast<std::size_t>(
        std::to_chars(bytes_ + size_, bytes_ + sizeof bytes_, number).ptr - bytes_);
    return *this;
  }
  std::string_view text() const { return {bytes_, size_}; }

 private:
  char bytes_[512];
  std::size_t size_ = 0;
};

void begin(HeadText& head, const ReplyStyle& style, int status, std::string_view content_type) {
  if (status == 200) {
    head.add("HTTP/1.1 200 OK\r\n");
  } else {
    head.add("HTTP/1.1 ").add(static_cast<std::size_t>(status)).add(" ").add(http_reason(status));
    head.add("\r\n");
  }
  head.add("Content-Type: ").add(content_type).add("\r\n");
  if (!style.keep_alive) {
    head.add("Connection: close\r\n");
  } else if (style.http_1_0) {
    head.add("Connection: keep-alive\r\n");
  }
}

// What comes last: how the body is coded and how long it is. `smaller` is empty unless it is to be
// sent instead.
void finish(HeadText& head, const ReplyStyle& style, std::size_t size, const std::string& smaller) {
  if (!smaller.empty()) {
    head.add("Content-Encoding: ").add(coding_name(style.coding)).add("\r\n");
    size = smaller.size();
  }
  if (style.coding != Coding::identity) head.add("Vary: Accept-Encoding\r\n");
  head.add("Content-Length: ").add(size).add("\r\n\r\n");
}

std::string compressed(const ReplyStyle& style, const HttpInferReply& reply) {
  if (style.coding == Coding::identity) return {};
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(reply.json))};
  for (const Tensor& tensor : reply.binary) pieces.push_back(tensor.bytes);
  return compress(style.coding, pieces);
}

}  // namespace

void write_continue(OutQueue& out) { out.append("HTTP/1.1 100 Continue\r\n\r\n"); }

void write_answer(OutQueue& out, const ReplyStyle& asked, const HttpAnswer& answer) {
  ReplyStyle style = asked;
  if (!answer.compressible) style.coding = Coding::identity;
  HeadText head;
  begin(head, style, answer.status, answer.content_type);
  if (!answer.allow.empty()) head.add("Allow: ").add(answer.allow).add("\r\n");
  if (!answer.challenge.empty()) {
    head.add("WWW-Authenticate: ").add(answer.challenge).add("\r\n");
  }
  if (answer.status == 503 || answer.status == 429) {
    head.add("Retry-After: ").add(std::max<std::size_t>(1, answer.retry_after_s)).add("\r\n");
  }
  const std::span<const std::byte> body = std::as_bytes(std::span(answer.body));
  const std::string smaller = compress(style.coding, {&body, 1});
  finish(head, style, answer.body.size(), smaller);
  out.append(head.text());
  if (!style.head_only) out.append(smaller.empty() ? answer.body : smaller);
}

void write_infer_reply(OutQueue& out, const ReplyStyle& style, HttpInferReply&& reply) {
  HeadText head;
  begin(head, style, 200,
        reply.has_binary ? std::string_view("application/octet-stream") : "application/json");
  if (reply.has_binary) {
    head.add("Inference-Header-Content-Length: ").add(reply.json.size()).add("\r\n");
  }
  if (!reply.arm.empty()) {
    head.add("Mlops-Arm: ").add(reply.arm).add("\r\nMlops-Version: ");
    head.add(static_cast<std::size_t>(reply.version)).add("\r\n");
  }
  const std::string smaller = compressed(style, reply);
  finish(head, style, reply.size(), smaller);
  out.append(head.text());
  if (style.head_only) return;
  if (!smaller.empty()) return out.append(smaller);
  out.append(reply.json);
  for (Tensor& tensor : reply.binary) out.append_view(tensor.bytes, std::move(tensor.owner));
}

void begin_events(OutQueue& out, ReplyStyle& style, int status) {
  if (style.http_1_0) style.keep_alive = false;
  HeadText head;
  begin(head, style, status, "text/event-stream; charset=utf-8");
  head.add("Cache-Control: no-cache\r\n");
  if (!style.http_1_0) head.add("Transfer-Encoding: chunked\r\n");
  head.add("\r\n");
  out.append(head.text());
}

void write_event(OutQueue& out, const ReplyStyle& style, std::string_view data) {
  constexpr std::string_view kBefore = "data: ";
  constexpr std::string_view kAfter = "\n\n";
  char size[16];
  if (!style.http_1_0) {
    const std::size_t bytes = kBefore.size() + data.size() + kAfter.size();
    const char* end = std::to_chars(size, size + sizeof size, bytes, 16).ptr;
    out.append({size, static_cast<std::size_t>(end - size)});
    out.append("\r\n");
  }
  out.append(kBefore);
  out.append(data);
  out.append(kAfter);
  if (!style.http_1_0) out.append("\r\n");
}

void end_events(OutQueue& out, const ReplyStyle& style) {
  if (!style.http_1_0) out.append("0\r\n\r\n");
}

}  // namespace mlops
