// One HTTP/1.1 keep-alive connection: one request in flight, its bytes encoded beforehand.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "loadgen/connection.h"
#include "loadgen/expectation.h"
#include "loadgen/http_reply.h"
#include "loadgen/socket.h"

namespace mlops::loadgen {

class HttpConnection final : public Connection {
 public:
  // requests (one per row) and expectation must outlive the connection.
  HttpConnection(Socket socket, const std::vector<std::string>& requests,
                 const Expectation& expectation);

  int fd() const override { return socket_.fd(); }
  void start(std::size_t slot, std::size_t row) override;
  bool receive() override;
  bool deliver(ReplySink& sink) override;
  bool flush() override;
  bool wants_write() const override { return !unsent_.empty(); }

 private:
  struct InFlight {
    std::size_t slot;
    std::size_t row;
  };
  Outcome judge(const HttpReply& reply, std::size_t row) const;

  Socket socket_;
  const std::vector<std::string>& requests_;
  const Expectation& expectation_;
  HttpReplyReader reader_;
  std::span<const char> unsent_;
  std::optional<InFlight> in_flight_;
};

}  // namespace mlops::loadgen
