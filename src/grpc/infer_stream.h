#pragma once
// ModelStreamInfer on one HTTP/2 stream: any number of requests in, their answers out. An error of
// one request is a message of its own and the stream goes on, unless the client asked for a status
// instead. Answers come in the order of their requests, except those of decoupled models, which
// come as they are made. Belongs to its connection's loop.

#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>

#include "access/principal.h"
#include "grpc/grpc_service.h"
#include "grpc/message_assembler.h"
#include "grpc/reply_body.h"
#include "net/parted_call.h"

namespace mlops {

class InferStream;

class InferStreamOwner {
 public:
  // next_message() or finished() may have something new to say.
  virtual void stream_progressed(InferStream& stream) noexcept = 0;

 protected:
  ~InferStreamOwner() = default;
};

class InferStream final : public PartedCallOwner {
 public:
  struct Options {
    TimePoint deadline = kNever;             // of the whole stream
    bool errors_end = false;                 // the client asked for "triton_grpc_error"
    std::string_view traceparent;            // of the whole stream; outlive it
    std::span<const RequestHeader> headers;  // likewise
    std::string_view tracestate;
    std::optional<Coding> encoding = Coding::identity;  // of request messages; nullopt: unknown
    PrincipalRef principal = nullptr;  // whose rate each message counts against; null: nobody's
  };
  // Requests of one stream in flight above which its sender is held up.
  static constexpr std::size_t kInFlightMax = 512;

  InferStream(InferStreamOwner& owner, Turn& turn, const GrpcService& service, std::int32_t id,
              const Options& options);
  ~InferStream();  // cancels what is in flight

  std::int32_t id() const { return id_; }
  // Requests, in any pieces; `bytes` lie in `chunk`.
  void received(std::span<const std::byte> bytes, const Buffer& chunk);
  void request_ended();
  void drain();  // takes nothing more, ends when everything is answered

  // Requests were submitted since the last call of this. True when that gave something to send.
  bool settle();

  // Moves the next message that can be sent to `body`, which is empty. False: none now.
  bool next_message(ReplyBody& body);
  // Every message is out: the stream ends with status().
  bool finished() const;
  const Status& status() const { return status_; }

  // The sender should wait.
  bool congested() const { return calls_.size() >= kInFlightMax; }
  // Inside a request message since when; kNever: between messages.
  TimePoint receiving_since() const { return receiving_since_; }
  std::size_t receiving_bytes() const { return receiving_bytes_; }
  // A message waits for the peer since when.
  TimePoint unread_since() const { return ready_.empty() ? kNever : unread_since_; }

 private:
  class StreamCall;
  using CallRef = Ref<StreamCall>;

  void call_progressed(PartedCall& call) noexcept override;
  void request(std::span<const std::byte> message, const Buffer& owner);
  void make_ready(CallRef call);
  void settle_order();
  bool write(StreamCall& call, ReplyBody& body);
  bool write_answer(StreamCall& call, Response&& answer, ReplyBody& body);
  bool write_last(StreamCall& call, Response&& answer, ReplyBody& body);
  void end(Status status);
  void cancel_all();

  InferStreamOwner& owner_;
  Turn& turn_;
  const GrpcService& service_;
  const std::int32_t id_;
  const Options options_;
  MessageAssembler message_;
  TimePoint receiving_since_ = kNever;
  std::size_t receiving_bytes_ = 0;
  TimePoint unread_since_ = kNever;
  std::unordered_set<StreamCall*> calls_;  // in flight; each holds a reference
  std::deque<CallRef> ordered_;            // whose turn it is to answer, decoupled ones left out
  std::deque<CallRef> ready_;              // have something to send now
  bool taking_ = true;                     // requests
  Status status_;
};

}  // namespace mlops
