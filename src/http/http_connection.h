#pragma once
// One HTTP/1 connection: requests in, replies out in the same order, several in flight at once.
// Belongs to its loop's thread.

#include <vector>

#include "access/gate.h"
#include "http/generate_reply.h"
#include "http/http1_parser.h"
#include "http/http_service.h"
#include "http/reply.h"
#include "net/call.h"
#include "net/errand.h"
#include "net/session.h"
#include "net/spare_calls.h"
#include "protocol/request_line.h"

namespace mlops {

class HttpCall final : public Call {
 public:
  static Ref<HttpCall> make(CallOwner& owner, Turn& turn);

  OutputPlan outputs;

 private:
  friend class SpareCalls<HttpCall>;

  using Call::Call;
  void renew();
  void last_ref_gone() override;
};

// A handler that runs aside.
class HttpErrand final : public Errand {
 public:
  HttpErrand(ErrandOwner& owner, Turn& turn, const HttpService& service, HttpHandler handler,
             HttpAsk&& ask)
      : Errand(owner, turn), service_(service), handler_(handler), ask_(std::move(ask)) {}
  HttpAnswer answer;  // once done

 private:
  void work() noexcept override;

  const HttpService& service_;
  HttpHandler handler_;
  HttpAsk ask_;
};

class HttpConnection final : public Session,
                             public HeadGate,
                             public CallOwner,
                             public ErrandOwner,
                             public PartedCallOwner {
 public:
  HttpConnection(Link& link, const HttpService& service);
  ~HttpConnection() override;

  std::span<std::byte> space() override { return parser_.space(); }
  void received_in_space(std::size_t bytes) override;
  void received(std::span<const std::byte> bytes, const Buffer& chunk) override;
  bool wants_input() const override { return !closing_ && waiting() < service_.pipelined_max; }
  void resume() override;
  TimePoint deadline() const override;
  void expired() override;
  void drain() override;

 private:
  void call_answered(Call& call) noexcept override;
  void errand_done(Errand& errand) noexcept override;
  void call_progressed(PartedCall& call) noexcept override;

  // A request whose reply is not written yet. With no call, errand or generation `answer` is ready.
  struct Slot {
    Ref<HttpCall> call;
    std::unique_ptr<GenerateReply> generate;
    Ref<HttpErrand> errand;
    HttpAnswer answer;
    HttpRoute route = HttpRoute::unknown;
    ReplyStyle style;
    std::unique_ptr<RequestLine> line;  // null unless every request is logged

    bool ready() const {
      return (!call || call->answered()) && (!errand || errand->done()) &&
             (!generate || generate->finished());
    }
  };

  std::size_t waiting() const { return slots_.size() - first_slot_; }
  void note_input(std::size_t bytes);
  void note_progress(bool handled);
  // Who asks and whether they may; see http_access.cc.
  HttpRefusal judge_head(const HttpHead& head) override;
  Judgement admit(const HttpHead& head, const HttpRouteEntry& entry);
  bool permit(const HttpHead& head, const HttpRouteEntry& entry, Slot& slot);
  HttpAnswer refusal(const Judgement& judgement, const HttpHead& head) const;
  AuditRecord audit_record(ServerCall call) const;

  void parse();
  void handle(HttpRequest& request);
  bool decode_body(HttpRequest& request, Slot& slot);
  void ask(HttpRequest& request, const HttpRouteMatch& match, Slot& slot);
  void infer(HttpRequest& request, const HttpPathParts& parts, Slot& slot);
  void generate(HttpRequest& request, const HttpPathParts& parts, Slot& slot);
  Status decode(HttpRequest& request, const HttpPathParts& parts, HttpInferCall& wire);
  void note_headers(const HttpHead& head, Request& request) const;
  template <class AnyCall>
  void trace(const HttpRequest& request, AnyCall& call);
  void push(Slot&& slot);
  void write_ready();
  void write_events();
  void write(Slot& slot);
  bool write_reply(Slot& slot);
  bool write_response(Slot& slot, Response&& response);
  void begin_line(const HttpRequest& request, const HttpPathParts& parts, Slot& slot) const;
  void write_line(Slot& slot) const;

  Link& link_;
  const HttpService& service_;
  Http1Parser parser_;
  Credentials credentials_;
  PrincipalRef principal_;             // of the request being judged
  std::optional<HttpAnswer> refused_;  // what judge_head() would have answered
  std::vector<Slot> slots_;            // in the order of arrival
  std::size_t first_slot_ = 0;
  HttpInferReply reply_;       // that is being written; empty in between
  bool closing_ = false;       // no request is taken any more
  bool draining_ = false;      // the next reply is the last
  bool broken_input_ = false;  // the peer may still be sending what we refused
  TimePoint idle_since_;
  TimePoint receiving_since_ = kNever;  // kNever: between requests
  TimePoint body_since_ = kNever;       // kNever: between requests, or in a head
  std::size_t body_bytes_ = 0;
};

}  // namespace mlops
