#include "client/http_client.h"

#include <algorithm>
#include <array>

namespace mlops {
namespace {

std::string head_of(const HttpQuestion& question, const Url& server) {
  std::string head = question.method + " " + question.target + " HTTP/1.1\r\n";
  head += "Host: " + server.authority() + "\r\n";
  for (const auto& [name, value] : question.headers) head += name + ": " + value + "\r\n";
  if (!question.body.empty() || question.method == "POST" || question.method == "PUT") {
    head += "Content-Length: " + std::to_string(question.body.size()) + "\r\n";
  }
  return head + "\r\n";
}

}  // namespace

HttpClient::HttpClient(Url server, const HttpClientLimits& limits)
    : server_(std::move(server)), limits_(limits) {}

Result<HttpAnswered> HttpClient::ask(const HttpQuestion& question) {
  return ask(question, HttpReplyParser::Body());
}

Result<HttpAnswered> HttpClient::ask(const HttpQuestion& question,
                                     const HttpReplyParser::Body& sink) {
  HttpAnswered answered;
  Try tried = try_once(question, sink ? &sink : nullptr, answered);
  if (tried.stale) tried = try_once(question, sink ? &sink : nullptr, answered);
  if (!tried.status.ok()) return tried.status;
  return answered;
}

HttpClient::Try HttpClient::try_once(const HttpQuestion& question,
                                     const HttpReplyParser::Body* sink, HttpAnswered& answered) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const TimePoint end = now() + limits_.total;
  const auto soon = [&](Duration patience) { return std::min(end, now() + patience); };
  const bool reused = kept_ != nullptr;
  std::unique_ptr<ClientStream> stream = std::move(kept_);
  if (!stream) {
    auto opened = ClientStream::open(server_, interrupt_, soon(limits_.connect));
    if (!opened.ok()) return {opened.status()};
    stream = std::move(*opened);
  }
  answered = {};
  const HttpReplyParser* of = nullptr;
  HttpReplyParser parser(question.method == "HEAD", [&](std::string_view piece) -> Status {
    if (sink && of->head().status == 200) return (*sink)(piece);
    if (answered.body.size() + piece.size() > limits_.body_bytes_max) {
      return Status::resource_exhausted("the reply is too large");
    }
    answered.body.append(piece);
    return {};
  });
  of = &parser;
  Status status = stream->write(head_of(question, server_), soon(limits_.silence));
  if (status.ok()) status = stream->write(question.body, soon(limits_.silence));
  // A server may refuse while it is being written to: what it says counts more.
  const bool stopped = status.code() == Code::cancelled || status.code() == Code::deadline_exceeded;
  std::array<char, 1 << 16> space;
  while (!stopped && !parser.done()) {
    const Result<std::size_t> got = stream->read(space, soon(limits_.silence));
    if (!got.ok()) {
      status = got.status();
      break;
    }
    status = *got == 0 ? parser.closed() : parser.received({space.data(), *got});
    if (!status.ok() || *got == 0) break;
  }
  if (!parser.done() || !status.ok()) {
    if (status.ok())
      status = Status::unavailable("the connection was closed before the reply ended");
    const bool again = reused && !parser.begun() && status.code() == Code::unavailable;
    return {Status(status.code(), server_.authority() + ": " + status.message()), again};
  }
  answered.head = parser.head();
  if (parser.reusable()) kept_ = std::move(stream);
  return {};
}

}  // namespace mlops
