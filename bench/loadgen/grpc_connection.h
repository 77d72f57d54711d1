// One HTTP/2 connection (h2c, prior knowledge) that carries up to S unary gRPC calls at a time.
// Framing by nghttp2.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loadgen/connection.h"
#include "loadgen/expectation.h"
#include "loadgen/http_request.h"
#include "loadgen/socket.h"

struct nghttp2_session;

namespace mlops::loadgen {

struct GrpcTarget {
  Peer peer;
  const std::vector<std::string>&
      requests;                    // one framed message per row; must outlive the connection
  const Expectation& expectation;  // likewise
};

class GrpcConnection final : public Connection {
 public:
  // Slots are numbered first_slot .. first_slot + streams - 1.
  GrpcConnection(Socket socket, const GrpcTarget& target, std::size_t first_slot,
                 std::size_t streams);
  ~GrpcConnection() override;

  int fd() const override { return socket_.fd(); }
  void start(std::size_t slot, std::size_t row) override;
  bool receive() override;
  bool deliver(ReplySink& sink) override;
  bool flush() override;
  bool wants_write() const override { return sent_ < out_.size(); }

 private:
  struct Call {
    std::size_t slot = 0;
    std::size_t row = 0;
    std::size_t uploaded = 0;
    int http_status = 0;
    int grpc_status = -1;
    std::string reply;
  };
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const;
  };
  friend struct GrpcCallbacks;  // nghttp2's C callbacks, in the source file

  void finish(Call& call, std::uint32_t error_code);
  Outcome judge(const Call& call, std::uint32_t error_code) const;

  Socket socket_;
  const GrpcTarget target_;
  const std::string authorization_;  // the header's value; empty: there is none
  std::size_t first_slot_;
  std::vector<Call> calls_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  std::vector<unsigned char> in_;
  std::size_t received_ = 0;
  std::string out_;
  std::size_t sent_ = 0;
  ReplySink* sink_ = nullptr;  // set while deliver() runs
};

}  // namespace mlops::loadgen
