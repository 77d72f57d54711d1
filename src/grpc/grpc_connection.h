#pragma once
// One HTTP/2 connection that speaks gRPC (prior knowledge, no upgrade): what its streams mean, on
// top of h2/http2_session.h. No sockets: bytes in through received(), bytes out through the link.
// Belongs to its loop's thread.

#include <memory>
#include <string_view>
#include <vector>

#include "access/gate.h"
#include "grpc/grpc_service.h"
#include "grpc/grpc_stream.h"
#include "h2/http2_session.h"
#include "net/call.h"
#include "net/session.h"

namespace mlops {

class GrpcConnection final : public Session,
                             public CallOwner,
                             public ErrandOwner,
                             public InferStreamOwner,
                             private Http2Handler {
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

 private:
  // What the session says and asks.
  Http2Stream& stream_began(std::int32_t id) override;
  Ref<RequestHead> read_head(const FieldList& fields) override;
  void head_came(Http2Stream& stream, const RequestHeadRef& head) override;
  void data_came(Http2Stream& stream, std::span<const std::byte> bytes) override;
  void request_ended(Http2Stream& stream) override;
  Slice slice_of_reply(Http2Stream& stream, std::size_t bytes_max) override;
  void write_slice(Http2Stream& stream, std::size_t bytes, OutQueue& out) override;
  void end_reply(Http2Stream& stream) override;
  void stream_closed(Http2Stream& stream) override;

  // ModelStreamInfer; see grpc_streaming.cc.
  void begin_infer_stream(GrpcStream& stream);
  Slice slice_of_stream(GrpcStream& stream, std::size_t bytes_max);
  void open_window(GrpcStream& stream);
  void tick_infer_stream(GrpcStream& stream);
  bool tick_receiving(GrpcStream& stream);
  void settle_streams();

  // Who asks and whether they may; see grpc_access.cc.
  void identify(GrpcStream& stream);
  bool permit(GrpcStream& stream);
  bool judge(GrpcStream& stream);
  std::optional<AuditRecord> audit_record(const GrpcStream& stream) const;

  bool begin_session();  // false: memory was gone
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
  // Of an inference that credentials_ was asked for last, and that was granted: one with the same
  // head is granted as long as they last. Held, so that no other head comes to lie there.
  Ref<const GrpcHead> granted_;
  std::unique_ptr<Http2Session> session_;  // null: the peer has not spoken
  std::vector<std::unique_ptr<GrpcStream>> streams_;
  std::vector<std::unique_ptr<GrpcStream>> spare_streams_;
  Buffer chunk_;  // being parsed
  std::size_t watching_ = 0;
  std::size_t infer_streams_ = 0;
  bool closing_ = false;
  bool draining_ = false;
  TimePoint idle_since_;
};

}  // namespace mlops
