#pragma once
// One thread's event loop: it owns its listeners and its connections for their whole life.
//
// A turn reads every ready socket, lets the sessions parse, hands all requests that came out of it
// to the engine in one call (fast models run right there, as batches), and then sends whatever is
// ready, one system call per connection. Replies from other threads arrive through the mailbox.
//
// run(), turn(), listen() and adopt() belong to one thread; stop(), drain() and the counters to
// any. The engine must be gone, or idle, before the loop is destroyed: late completions are posted
// here.

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "net/connection.h"
#include "net/receive_arena.h"

namespace mlops {

struct LoopOptions {
  std::size_t connections_max = 4096;                // per loop; more are closed at once
  std::size_t out_bytes_max = std::size_t{1} << 20;  // unsent replies above which input waits
  Duration send_timeout = std::chrono::seconds(30);  // without any progress
  Duration linger_timeout = std::chrono::seconds(2);
  Duration tick = std::chrono::seconds(1);  // how coarse all timeouts are
  // How long the loop asks for events without sleeping after something happened: a wake-up less
  // for the next request, a core in use meanwhile. Zero: never.
  Duration busy_poll{0};
};

class EventLoop {
 public:
  // `engine`, `clock` and `log` must outlive the loop.
  EventLoop(Engine& engine, const Clock& clock, LogSink& log, const LoopOptions& options);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `factory`, `channels` and `limit` must outlive the loop. Without channels bytes go as they are;
  // connections above the limit are closed at once.
  Status listen(Fd socket, SessionFactory& factory, ChannelFactory* channels = nullptr,
                ConnectionLimit* limit = nullptr);
  // A connected, non-blocking socket.
  Status adopt(Fd socket, SessionFactory& factory, ChannelFactory* channels = nullptr);

  void run();  // until stop()
  // One turn on the calling thread; sleeps at most `wait_ms` (-1: until something happens).
  void turn(int wait_ms);

  void stop();   // run() returns after its turn
  void drain();  // stop accepting; sessions finish what is in flight and close
  bool drained() const { return drained_.load(std::memory_order_acquire); }

  // Asks for a sign of life, which the end of the loop's turn gives.
  void ask_pulse();
  bool pulse_answered() const {
    return pulses_answered_.load(std::memory_order_acquire) ==
           pulses_asked_.load(std::memory_order_acquire);
  }
  // For connections that are accepted from now on.
  void set_connections_max(std::size_t most) {
    connections_max_.store(most, std::memory_order_relaxed);
  }

  const LoopStats& stats() const { return turn_.stats; }

 private:
  struct Listener {
    Fd fd;
    SessionFactory* factory = nullptr;
    ChannelFactory* channels = nullptr;
    ConnectionLimit* limit = nullptr;
    bool paused = false;
  };

  int sleep_ms(int wait_ms);
  void dispatch(std::uint64_t tag, std::uint32_t events);
  void accept_from(Listener& listener);
  Status open(Fd socket, ConnectionPlace place, SessionFactory& factory, ChannelFactory* channels);
  void read(Connection& connection);
  ByteChannel::Read receive(Connection& connection, std::span<std::byte> space);
  void handshake_ended(Connection& connection, bool done);
  void read_unread();
  void peer_closed(Connection& connection);
  void submit();
  void flush_touched();
  void flush(Connection& connection);
  void close_gracefully(Connection& connection);
  void update_interest(Connection& connection);
  void kill(Connection& connection);
  void bury();
  void sweep();
  void begin_drain();

  Engine& engine_;
  const Clock& clock_;
  LogSink& log_;
  LoopOptions options_;
  Turn turn_;
  Fd epoll_;
  ReceiveArena arena_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> graveyard_;
  std::vector<PendingRef> submitting_;
  std::vector<Link*> flushing_;
  std::vector<Connection*> unread_;  // channels hold input of theirs that no event tells of
  TimePoint next_sweep_{};
  TimePoint poll_until_{};  // busy polling ends, unless something happens
  bool draining_ = false;
  std::atomic<bool> stop_asked_{false};
  std::atomic<bool> drain_asked_{false};
  std::atomic<bool> drained_{false};
  std::atomic<std::size_t> connections_max_;
  std::atomic<std::uint64_t> pulses_asked_{0};
  std::atomic<std::uint64_t> pulses_answered_{0};
};

}  // namespace mlops
