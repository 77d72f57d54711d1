#pragma once
// Answers every request with its own body, and writes down what it was told.

#include <map>
#include <memory>
#include <string>

#include "h2/http2_session.h"

namespace mlops::testing {

struct EchoHead final : RequestHead {
  std::string text;  // "name=value;" of every field
  std::size_t bytes() const override { return text.size(); }
};

class EchoHandler final : public Http2Handler {
 public:
  struct Stream : Http2Stream {
    std::string head;
    std::string body;
    std::size_t sent = 0;
    bool holds_back = false;  // its windows stay as they are
  };

  Http2Stream& stream_began(std::int32_t id) override {
    auto& stream = streams[id];
    stream = std::make_unique<Stream>();
    return *stream;
  }
  Ref<RequestHead> read_head(const FieldList& fields) override {
    auto head = make_ref<EchoHead>();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      head->text.append(fields[i].name).append("=").append(fields[i].value).append(";");
    }
    ++heads_read;
    return head;
  }
  void head_came(Http2Stream& stream, const RequestHeadRef& head) override {
    log += "head " + std::to_string(stream.id) + "\n";
    if (head->too_large) {
      const Http2Session::Field status{":status", "431"};
      return session->reply(stream, {&status, 1}, true);
    }
    static_cast<Stream&>(stream).head = static_cast<const EchoHead&>(*head).text;
  }
  void data_came(Http2Stream& stream, std::span<const std::byte> bytes) override {
    auto& own = static_cast<Stream&>(stream);
    own.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!own.holds_back) session->consume(stream, bytes.size());
  }
  void request_ended(Http2Stream& stream) override {
    log += "ended " + std::to_string(stream.id) + " " +
           std::to_string(static_cast<Stream&>(stream).body.size()) + "\n";
    if (answers && !stream.reply_ended) session->ok_reply(stream);
  }
  Slice slice_of_reply(Http2Stream& stream, std::size_t bytes_max) override {
    const auto& own = static_cast<Stream&>(stream);
    const std::size_t left = own.body.size() - own.sent;
    const std::size_t bytes = std::min(left, bytes_max);
    return {bytes, left > bytes, left == bytes};
  }
  void write_slice(Http2Stream& stream, std::size_t bytes, OutQueue& out) override {
    auto& own = static_cast<Stream&>(stream);
    out.append(std::string_view(own.body).substr(own.sent, bytes));
    own.sent += bytes;
  }
  void end_reply(Http2Stream& stream) override { session->ok_trailers(stream); }
  void stream_closed(Http2Stream& stream) override {
    log += "closed " + std::to_string(stream.id) + "\n";
    streams.erase(stream.id);
  }

  Http2Session* session = nullptr;
  bool answers = true;
  int heads_read = 0;
  std::string log;
  std::map<std::int32_t, std::unique_ptr<Stream>> streams;
};

}  // namespace mlops::testing
