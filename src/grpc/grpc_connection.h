#pragma once
// One HTTP/2 connection that speaks gRPC (prior knowledge, no upgrade). Framing, flow control and
// header compression are nghttp2's; messages and calls are ours. No sockets: bytes in through
// received(), bytes out through the link. Belongs to its loop's thread.

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string_view>
#include <vector>

#include "access/gate.h"
#include "grpc/grpc_service.h"
#include "grpc/grpc_stream.h"
#include "net/call.h"
#include "net/session.h"

namespace mlops {

class GrpcConnection final : public Session,
                             public CallOwner,
                             public ErrandOwner,
                             public InferStreamOwner {
 public:
  GrpcConnection(Link& link, const GrpcService& service);
  ~GrpcConnection() override;

  void received(std::span<const std::byte> bytes, const Buffer& chunk) override;
  bool wants_input() const override { return !closing_; }
  void resume() override;
  TimePoint deadline() const override;
  void expired() override;
  void tick() override;
  void drain() override;
  void call_answered(Call& call) noexcept override;
  void errand_done(Errand& errand) noexcept override;
  void stream_progressed(InferStream& infer) noexcept override;

  // What nghttp2 calls; see nghttp2_session.cc.
  void stream_began(std::int32_t id);
  void header(GrpcStream& stream, std::string_view name, std::string_view value);
  void head_ended(GrpcStream& stream);
  void data(GrpcStream& stream, std::span<const std::byte> bytes);
  void request_ended(GrpcStream& stream);
  void reply_sent(GrpcStream& stream);
  void stream_closed(GrpcStream& stream);
  void control_frame();
  bool output_full() const { return link_.out.size() >= service_.limits.out_bytes_max; }
  OutQueue& out() { return link_.out; }
  // How much of the reply goes into the frame that is being made, and whether the call ends with
  // it.
  struct Slice {
    std::size_t bytes = 0;
    bool last = false;
  };
  Slice slice_of_reply(GrpcStream& stream, std::size_t bytes_max);
  void submit_trailers(GrpcStream& stream);

 private:
  // ModelStreamInfer; see grpc_streaming.cc.
  void begin_infer_stream(GrpcStream& stream);
  Slice slice_of_stream(GrpcStream& stream, std::size_t bytes_max);
  void open_window(GrpcStream& stream);
  void tick_infer_stream(GrpcStream& stream);
  bool tick_receiving(GrpcStream& stream);
  void settle_streams();

  // Who asks and whether they may; see grpc_access.cc.
  void identify(GrpcStream& stream, std::string_view authorization);
  bool permit(GrpcStream& stream);
  std::optional<AuditRecord> audit_record(const GrpcStream& stream) const;

  void begin_session();
  void close(std::uint32_t http2_error);
  void infer(GrpcStream& stream);
  void answer(GrpcStream& stream, Response&& response);
  void watch(GrpcStream& stream);
  ServingStatus health(const std::string& service) const;
  Result<std::string> answer_cold(const GrpcStream& stream) const;
  void run_aside(GrpcStream& stream);
  void reply_message(GrpcStream& stream, const Result<std::string>& message);
  void let_go(GrpcStream& stream);
  void reply(GrpcStream& stream);  // stream.reply holds the message
  void refuse(GrpcStream& stream, const Status& status);
  void refuse_with(GrpcStream& stream, int code, std::string_view text);
  void refuse_http(GrpcStream& stream, std::string_view http_status);
  void count(const GrpcStream& stream, int status);

  Link& link_;
  const GrpcService& service_;
  Credentials credentials_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<GrpcStream>> streams_;
  std::vector<std::unique_ptr<GrpcStream>> spare_streams_;
  Buffer chunk_;  // being parsed
  std::uint32_t control_frames_ = 0;
  std::size_t watching_ = 0;
  std::size_t infer_streams_ = 0;
  bool closing_ = false;
  bool draining_ = false;
  TimePoint idle_since_;
};

// The session object with our callbacks, settings and limits; null when memory is gone.
nghttp2_session* make_nghttp2_session(GrpcConnection& connection, const GrpcLimits& limits);

}  // namespace mlops
