// The loop with a session that speaks in lines: "x" is a request to the engine, answered "x"; other
// bytes are sent back at once.

#include "net/event_loop.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>

#include "net/call.h"
#include "net/listener.h"
#include "support/engine_double.h"
#include "support/fake_clock.h"
#include "support/socket_pair.h"

namespace mlops {
namespace {

using testing::EngineDouble;
using testing::FakeClock;
using testing::SocketPair;

struct SessionLog {
  int opened = 0;
  int closed = 0;
};

class LineSession final : public Session, public CallOwner {
 public:
  LineSession(Link& link, SessionLog& log) : link_(link), log_(log) { ++log_.opened; }
  ~LineSession() override {
    for (auto& call : calls_) call->abandon();
    ++log_.closed;
  }
  void received(std::span<const std::byte> bytes, const Buffer&) override {
    since_ = kNever;
    for (const std::byte byte : bytes) {
      if (byte == std::byte{'x'}) {
        calls_.push_back(make_ref<Call>(static_cast<CallOwner&>(*this), link_.turn()));
        calls_.back()->request.model = "echo";
        link_.turn().drained.push_back(calls_.back());
      } else if (byte == std::byte{'q'}) {
        link_.out.append("bye");
        link_.finish(true);
      } else if (byte == std::byte{'s'}) {
        since_ = link_.turn().now;  // "started": must go on in a second
      } else if (byte == std::byte{'B'}) {
        link_.out.append(std::string(std::size_t{3} << 20, 'B'));
      } else {
        const char c = static_cast<char>(byte);
        link_.out.append({&c, 1});
      }
    }
  }
  bool wants_input() const override { return true; }
  void resume() override {}
  TimePoint deadline() const override {
    return since_ == kNever ? kNever : since_ + std::chrono::seconds(1);
  }
  void expired() override { link_.out.append("late"); }
  void drain() override {
    draining_ = true;
    if (calls_.empty()) link_.finish(false);
  }
  void call_answered(Call& call) noexcept override {
    link_.out.append(call.take_response().status.ok() ? "x" : "!");
    std::erase_if(calls_, [&](const Ref<Call>& mine) { return mine.get() == &call; });
    link_.touch();
    if (draining_ && calls_.empty()) link_.finish(false);
  }

 private:
  Link& link_;
  SessionLog& log_;
  std::vector<Ref<Call>> calls_;
  TimePoint since_ = kNever;
  bool draining_ = false;
};

class LineFactory final : public SessionFactory {
 public:
  std::unique_ptr<Session> open(Link& link) override {
    return std::make_unique<LineSession>(link, log);
  }
  SessionLog log;
};

class EventLoopTest : public ::testing::Test {
 protected:
  EngineDouble engine;
  FakeClock clock;
  NullLog log;
  LineFactory factory;
};

TEST_F(EventLoopTest, EchoesAndClosesWithItsPeer) {
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("hello");
  loop.turn(1000);
  EXPECT_EQ(pair.receive(), "hello");
  EXPECT_EQ(loop.stats().bytes_received.value(), 5U);
  EXPECT_EQ(loop.stats().bytes_sent.value(), 5U);
  pair.client.reset();
  loop.turn(1000);
  EXPECT_EQ(factory.log.closed, 1);
  EXPECT_EQ(loop.stats().connections_open.value(), 0U);
}

TEST_F(EventLoopTest, OneTurnIsOneSubmission) {
  EventLoop loop(engine, clock, log, {});
  std::vector<SocketPair> pairs(8);
  for (SocketPair& pair : pairs) {
    ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
    pair.send("xxx");
  }
  loop.turn(1000);
  EXPECT_EQ(engine.turns(), (std::vector<std::size_t>{24}));
  for (SocketPair& pair : pairs) EXPECT_EQ(pair.receive(), "xxx");
}

TEST_F(EventLoopTest, RepliesFromOtherThreadsArriveThroughTheMailbox) {
  engine.answer_at_once = false;
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("xx");
  loop.turn(1000);
  EXPECT_EQ(pair.receive(), "");
  std::vector<PendingRef> waiting = engine.take_waiting();
  ASSERT_EQ(waiting.size(), 2U);
  std::thread([&] {
    for (PendingRef& pending : waiting) pending->complete(EngineDouble::echo(pending->request));
  }).join();
  loop.turn(1000);
  EXPECT_EQ(pair.receive(), "xx");
  EXPECT_EQ(loop.stats().completions_mailed.value(), 2U);
}

TEST_F(EventLoopTest, LateRepliesFindNobodyAfterTheConnectionIsGone) {
  engine.answer_at_once = false;
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("xx");
  loop.turn(1000);
  std::vector<PendingRef> waiting = engine.take_waiting();
  pair.client.reset();
  loop.turn(1000);
  EXPECT_EQ(factory.log.closed, 1);
  for (PendingRef& pending : waiting) {
    EXPECT_TRUE(pending->done());  // cancelled
    EXPECT_FALSE(pending->complete(EngineDouble::echo(pending->request)));
  }
  loop.turn(0);
}

// The reply is already in the mailbox when the connection goes.
TEST_F(EventLoopTest, MailedRepliesFindNobodyAfterTheConnectionIsGone) {
  engine.answer_at_once = false;
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("x");
  loop.turn(1000);
  std::vector<PendingRef> waiting = engine.take_waiting();
  pair.client.reset();
  std::thread([&] { waiting[0]->complete(EngineDouble::echo(waiting[0]->request)); }).join();
  waiting.clear();
  loop.turn(1000);  // sockets first, then the mailbox
  EXPECT_EQ(factory.log.closed, 1);
}

TEST_F(EventLoopTest, SlowReaderStopsBeingReadAndLosesNothing) {
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("B");
  loop.turn(1000);
  pair.send("BBBB");
  for (int i = 0; i < 5; ++i) loop.turn(0);
  EXPECT_EQ(loop.stats().bytes_received.value(), 1U);  // the rest waits in the socket
  std::size_t received = 0;
  for (int i = 0; i < 1000 && received < std::size_t{15} << 20; ++i) {
    received += pair.receive().size();
    loop.turn(0);
  }
  EXPECT_EQ(received, std::size_t{15} << 20);
  EXPECT_EQ(loop.stats().bytes_received.value(), 5U);
}

TEST_F(EventLoopTest, PeerThatReadsNothingIsDropped) {
  EventLoop loop(engine, clock, log, {.send_timeout = std::chrono::seconds(5)});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("B");
  loop.turn(1000);
  clock.advance(std::chrono::seconds(4));
  loop.turn(0);
  EXPECT_EQ(factory.log.closed, 0);
  clock.advance(std::chrono::seconds(2));
  loop.turn(0);
  EXPECT_EQ(factory.log.closed, 1);
  EXPECT_EQ(loop.stats().connections_timed_out.value(), 1U);
}

TEST_F(EventLoopTest, BusyPollingEndsSoLongAfterTheLastEvent) {
  EventLoop loop(engine, clock, log, {.busy_poll = std::chrono::microseconds(50)});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  loop.turn(0);
  EXPECT_EQ(loop.stats().polls.value(), 0U);  // nothing has happened yet
  pair.send("a");
  loop.turn(1000);
  loop.turn(-1);  // would sleep for a tick
  EXPECT_EQ(loop.stats().polls.value(), 1U);
  clock.advance(std::chrono::microseconds(40));
  loop.turn(-1);  // decided before the clock was read
  pair.send("b");
  loop.turn(-1);
  EXPECT_EQ(loop.stats().polls.value(), 3U);
  clock.advance(std::chrono::microseconds(40));
  loop.turn(-1);  // 40 us after "b"
  EXPECT_EQ(loop.stats().polls.value(), 4U);
  clock.advance(std::chrono::microseconds(10));
  loop.turn(-1);
  loop.turn(0);  // 50 us after "b": it would sleep
  EXPECT_EQ(loop.stats().polls.value(), 5U);
  EXPECT_EQ(pair.receive(), "ab");
}

TEST_F(EventLoopTest, RepliesFromOtherThreadsKeepBusyPollingUp) {
  engine.answer_at_once = false;
  EventLoop loop(engine, clock, log, {.busy_poll = std::chrono::microseconds(50)});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("x");
  loop.turn(1000);
  std::vector<PendingRef> waiting = engine.take_waiting();
  clock.advance(std::chrono::microseconds(49));
  loop.turn(-1);
  std::thread([&] { waiting[0]->complete(EngineDouble::echo(waiting[0]->request)); }).join();
  clock.advance(std::chrono::microseconds(1));
  loop.turn(-1);  // finds the letter although nobody woke the loop
  EXPECT_EQ(pair.receive(), "x");
  EXPECT_EQ(loop.stats().polls.value(), 2U);
  loop.turn(-1);
  EXPECT_EQ(loop.stats().polls.value(), 3U);
}

TEST_F(EventLoopTest, DeadlineOfASessionIsToldAndCloses) {
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("s");
  loop.turn(1000);
  clock.advance(std::chrono::milliseconds(2500));
  loop.turn(0);
  EXPECT_EQ(pair.receive(), "late");
  EXPECT_TRUE(pair.closed);
}

TEST_F(EventLoopTest, LingersSoThatTheLastWordsArrive) {
  EventLoop loop(engine, clock, log, {});
  SocketPair pair;
  ASSERT_TRUE(loop.adopt(std::move(pair.server), factory).ok());
  pair.send("q");
  loop.turn(1000);
  pair.send("more that nobody wants");
  loop.turn(0);
  EXPECT_EQ(pair.receive(), "bye");
  EXPECT_TRUE(pair.closed);
  EXPECT_EQ(factory.log.closed, 0);
  clock.advance(std::chrono::seconds(5));  // the peer never closes
  loop.turn(0);
  EXPECT_EQ(factory.log.closed, 1);
}

TEST_F(EventLoopTest, DrainAnswersWhatIsInFlightAndClosesTheRest) {
  engine.answer_at_once = false;
  EventLoop loop(engine, clock, log, {});
  SocketPair busy;
  SocketPair idle;
  ASSERT_TRUE(loop.adopt(std::move(busy.server), factory).ok());
  ASSERT_TRUE(loop.adopt(std::move(idle.server), factory).ok());
  busy.send("x");
  loop.turn(1000);
  loop.drain();
  loop.turn(0);
  EXPECT_FALSE(loop.drained());
  idle.receive();
  EXPECT_TRUE(idle.closed);
  for (PendingRef& pending : engine.take_waiting()) {
    pending->complete(EngineDouble::echo(pending->request));
  }
  loop.turn(0);
  loop.turn(0);
  EXPECT_EQ(busy.receive(), "x");
  EXPECT_TRUE(loop.drained());
}

TEST_F(EventLoopTest, ConnectionsOverTheLimitAreClosedAtOnce) {
  EventLoop loop(engine, clock, log, {.connections_max = 2});
  Result<Listeners> listeners = listen_tcp("127.0.0.1", 0, 1);
  ASSERT_TRUE(listeners.ok()) << listeners.status().to_string();
  const std::uint16_t port = listeners->port;
  ASSERT_TRUE(loop.listen(std::move(listeners->sockets[0]), factory).ok());
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(testing::connect_to(port));
  while (loop.stats().connections_refused.value() == 0) loop.turn(1000);
  EXPECT_EQ(loop.stats().connections_open.value(), 2U);
  EXPECT_EQ(loop.stats().connections_refused.value(), 1U);
}

// One port that is full keeps nobody from the others, and takes new ones when some have gone.
TEST_F(EventLoopTest, EachPortHasItsOwnLimit) {
  ConnectionLimit few(2);
  EventLoop loop(engine, clock, log, {});
  Result<Listeners> full = listen_tcp("127.0.0.1", 0, 1);
  Result<Listeners> other = listen_tcp("127.0.0.1", 0, 1);
  ASSERT_TRUE(full.ok() && other.ok());
  ASSERT_TRUE(loop.listen(std::move(full->sockets[0]), factory, nullptr, &few).ok());
  ASSERT_TRUE(loop.listen(std::move(other->sockets[0]), factory).ok());
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(testing::connect_to(full->port));
  while (loop.stats().connections_refused.value() == 0) loop.turn(1000);
  EXPECT_EQ(few.open(), 2U);
  const Fd elsewhere = testing::connect_to(other->port);
  while (factory.log.opened < 3) loop.turn(1000);
  clients.clear();
  while (factory.log.closed < 2) loop.turn(1000);
  EXPECT_EQ(few.open(), 0U);
  const Fd next = testing::connect_to(full->port);
  while (factory.log.opened < 4) loop.turn(1000);
  EXPECT_EQ(loop.stats().connections_refused.value(), 1U);
}

TEST_F(EventLoopTest, WithoutFileDescriptorsItPausesAndRecovers) {
  EventLoop loop(engine, clock, log, {});
  Result<Listeners> listeners = listen_tcp("127.0.0.1", 0, 1);
  ASSERT_TRUE(listeners.ok()) << listeners.status().to_string();
  const Fd client = testing::connect_to(listeners->port);
  ASSERT_TRUE(loop.listen(std::move(listeners->sockets[0]), factory).ok());
  // UBSan looks behind an object's type, once per type, with a pipe: not when there are none left.
  LogSink& sink = log;
  sink.log(Severity::info, "before the limit");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;  // below everything that is open
  ::setrlimit(RLIMIT_NOFILE, &none);
  for (int i = 0; i < 5; ++i) loop.turn(0);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(loop.stats().accept_errors.value(), 1U);  // paused: it did not spin
  EXPECT_EQ(factory.log.opened, 0);
  clock.advance(std::chrono::seconds(2));
  for (int i = 0; i < 3; ++i) loop.turn(0);
  EXPECT_EQ(factory.log.opened, 1);
}

TEST_F(EventLoopTest, AnotherServerOnThePortIsRefused) {
  const Result<Listeners> first = listen_tcp("127.0.0.1", 0, 2);  // shares with itself
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_EQ(listen_tcp("127.0.0.1", first->port, 1).status().code(), Code::unavailable);
  EXPECT_EQ(listen_tcp("no such host.", 0, 1).status().code(), Code::invalid_argument);
}

// Clients on their own threads, an engine that answers on others, connections dropped at random:
// for the thread sanitizer, and for replies that go astray.
TEST_F(EventLoopTest, SurvivesClientsThatComeAndGo) {
  constexpr int kClients = 4;
  constexpr int kRounds = 200;
  const SteadyClock steady;
  EngineDouble slow;
  slow.answer_at_once = false;
  EventLoop loop(slow, steady, log, {});
  Result<Listeners> listeners = listen_tcp("127.0.0.1", 0, 1);
  ASSERT_TRUE(listeners.ok()) << listeners.status().to_string();
  const std::uint16_t port = listeners->port;
  ASSERT_TRUE(loop.listen(std::move(listeners->sockets[0]), factory).ok());
  std::thread server([&] { loop.run(); });
  std::atomic<bool> over{false};
  std::thread lane([&] {
    while (!over) {
      for (PendingRef& pending : slow.take_waiting()) {
        if (pending->claim()) pending->complete(EngineDouble::echo(pending->request));
      }
      std::this_thread::yield();
    }
  });
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < kRounds; ++i) {
        const Fd client = testing::connect_to(port);
        if (::send(client.get(), "xx", 2, MSG_NOSIGNAL) != 2 || (c + i) % 3 == 0) continue;
        answered += testing::receive_exactly(client, 2) == "xx";
      }
    });
  }
  for (std::thread& client : clients) client.join();
  over = true;
  lane.join();
  loop.stop();
  server.join();
  int expected = 0;
  for (int c = 0; c < kClients; ++c) {
    for (int i = 0; i < kRounds; ++i) expected += (c + i) % 3 != 0;
  }
  EXPECT_EQ(answered.load(), expected);
}

}  // namespace
}  // namespace mlops
