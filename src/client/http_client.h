#pragma once
// A small HTTP/1.1 client for the servers that this one depends on: a trace collector, an object
// store. One request at a time, over a connection that is kept while it works. Blocks, never longer
// than its timeouts and the resolver's; not for event loops or lanes. One thread, but for
// interrupt().

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/http_reply.h"
#include "client/stream.h"
#include "client/url.h"

namespace mlops {

struct HttpClientLimits {
  Duration connect = std::chrono::seconds(5);
  Duration silence = std::chrono::seconds(10);  // without a byte sent or received
  Duration total = std::chrono::minutes(10);
  std::size_t body_bytes_max = std::size_t{16} << 20;  // of a reply that is kept in memory
};

struct HttpQuestion {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;  // Host and lengths are added
  std::string_view body;
};

struct HttpAnswered {
  HttpReplyHead head;
  std::string body;
};

class HttpClient {
 public:
  // Only scheme, host and port of `server` count.
  explicit HttpClient(Url server, const HttpClientLimits& limits = {});

  // Fails when there is no whole reply; a reply of any status is success. A request over a kept
  // connection that turns out to be closed is sent once more.
  Result<HttpAnswered> ask(const HttpQuestion& question);
  // The body of a reply with status 200 goes to `sink`, of any length; others' is kept.
  Result<HttpAnswered> ask(const HttpQuestion& question, const HttpReplyParser::Body& sink);

  // Ends the request that is under way and all that follow. Any thread.
  void interrupt() noexcept { interrupt_.raise(); }
  const Url& server() const { return server_; }

 private:
  struct Try {
    Status status;
    bool stale = false;  // a kept connection that the server had closed
  };
  Try try_once(const HttpQuestion& question, const HttpReplyParser::Body* sink,
               HttpAnswered& answered);

  const Url server_;
  const HttpClientLimits limits_;
  Interrupt interrupt_;
  std::unique_ptr<ClientStream> kept_;
};

}  // namespace mlops
