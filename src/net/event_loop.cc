#include "net/event_loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "net/prompt_thread.h"

namespace mlops {
namespace {

constexpr int kEventsPerTurn = 512;
constexpr int kAcceptsPerTurn = 64;
constexpr int kFlushRounds = 4;

// What an epoll event points to; the two low bits of the pointer say which kind it is.
constexpr std::uint64_t kTagMask = 3;
constexpr std::uint64_t kConnectionTag = 0;
constexpr std::uint64_t kListenerTag = 1;
constexpr std::uint64_t kMailboxTag = 2;

bool control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

std::uint64_t tag_of(const void* object, std::uint64_t kind) {
  return reinterpret_cast<std::uintptr_t>(object) | kind;
}

}  // namespace

EventLoop::EventLoop(Engine& engine, const Clock& clock, LogSink& log, const LoopOptions& options)
    : engine_(engine),
      clock_(clock),
      log_(log),
      options_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      connections_max_(options.connections_max) {
  turn_.now = clock_.now();
  control(epoll_.get(), EPOLL_CTL_ADD, turn_.mailbox.fd(), EPOLLIN, kMailboxTag);
}

EventLoop::~EventLoop() {
  connections_.clear();
  turn_.mailbox.open_all();  // letters hold a reference each
}

Status EventLoop::listen(Fd socket, SessionFactory& factory, ChannelFactory* channels,
                         ConnectionLimit* limit) {
  auto listener = std::make_unique<Listener>();
  listener->fd = std::move(socket);
  listener->factory = &factory;
  listener->channels = channels;
  listener->limit = limit;
  if (!control(epoll_.get(), EPOLL_CTL_ADD, listener->fd.get(), EPOLLIN,
               tag_of(listener.get(), kListenerTag))) {
    return Status::internal("epoll refused a listening socket");
  }
  listeners_.push_back(std::move(listener));
  return {};
}

Status EventLoop::adopt(Fd socket, SessionFactory& factory, ChannelFactory* channels) {
  return open(std::move(socket), {}, factory, channels);
}

Status EventLoop::open(Fd socket, ConnectionPlace place, SessionFactory& factory,
                       ChannelFactory* channels) {
  auto connection = std::make_unique<Connection>(turn_, std::move(socket));
  connection->place = std::move(place);
  if (channels) {
    connection->channel = channels->open(connection->fd.get());
    if (!connection->channel) return Status::resource_exhausted("no memory for a connection");
    connection->handshake_until = turn_.now + channels->handshake_timeout();
  }
  connection->session = factory.open(*connection);
  connection->interest = EPOLLIN | EPOLLRDHUP;
  if (!control(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), connection->interest,
               tag_of(connection.get(), kConnectionTag))) {
    return Status::internal("epoll refused a socket");
  }
  connection->index = connections_.size();
  if (connections_.empty()) next_sweep_ = turn_.now + options_.tick;
  connection->touch();  // a session may greet its peer
  connections_.push_back(std::move(connection));
  turn_.stats.connections_open.add(1);
  return {};
}

// Its own core may be computing a batch just now. What arrives meanwhile would wait for the end of
// that thread's slice, and count as in time for whom nobody has read yet.
void EventLoop::run() {
  turn_.thread = std::this_thread::get_id();
  run_promptly();
  while (!stop_asked_.load(std::memory_order_acquire)) turn(-1);
}

void EventLoop::stop() {
  stop_asked_.store(true, std::memory_order_release);
  turn_.mailbox.wake();
}

void EventLoop::drain() {
  drain_asked_.store(true, std::memory_order_release);
  turn_.mailbox.wake();
}

void EventLoop::ask_pulse() {
  pulses_asked_.fetch_add(1, std::memory_order_acq_rel);
  turn_.mailbox.wake();
}

void EventLoop::turn(int wait_ms) {
  std::array<epoll_event, kEventsPerTurn> events;
  const int timeout = sleep_ms(wait_ms);
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, timeout);
  turn_.mailbox.awake();
  turn_.now = clock_.now();
  turn_.stats.turns.add(1);
  const std::uint64_t pulse = pulses_asked_.load(std::memory_order_acquire);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    dispatch(event.data.u64, event.events);
  }
  const std::size_t mailed = turn_.mailbox.open_all();
  turn_.stats.completions_mailed.add(mailed);
  if (count > 0 || mailed > 0) poll_until_ = turn_.now + options_.busy_poll;
  read_unread();
  submit();
  flush_touched();
  if (drain_asked_.load(std::memory_order_acquire) && !draining_) begin_drain();
  if (turn_.now >= next_sweep_ && (!connections_.empty() || !listeners_.empty())) sweep();
  bury();
  arena_.end_turn();
  pulses_answered_.store(pulse, std::memory_order_release);
  if (draining_ && connections_.empty()) drained_.store(true, std::memory_order_release);
}

// How long epoll may sleep. Without connections there are no timeouts, so an idle server sleeps.
int EventLoop::sleep_ms(int wait_ms) {
  int timeout = wait_ms;
  const bool paused = std::any_of(listeners_.begin(), listeners_.end(),
                                  [](const auto& listener) { return listener->paused; });
  if (!connections_.empty() || paused) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_sweep_ - turn_.now).count();
    const int until_sweep = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    timeout = timeout < 0 ? until_sweep : std::min(timeout, until_sweep);
  }
  if (!turn_.drained.empty() || !turn_.touched.empty() || !unread_.empty()) timeout = 0;
  if (turn_.now < poll_until_) {
    turn_.stats.polls.add(1);
    return 0;
  }
  if (timeout != 0 && !turn_.mailbox.prepare_sleep()) timeout = 0;
  return timeout;
}

void EventLoop::dispatch(std::uint64_t tag, std::uint32_t events) {
  if (tag == kMailboxTag) return turn_.mailbox.drain_event();
  const auto address = static_cast<std::uintptr_t>(tag & ~kTagMask);
  if ((tag & kTagMask) == kListenerTag) return accept_from(*reinterpret_cast<Listener*>(address));
  Connection& connection = *reinterpret_cast<Connection*>(address);
  if (connection.dead) return;
  if (events & EPOLLOUT) connection.touch();
  if (events & (EPOLLERR | EPOLLHUP)) return kill(connection);
  const bool channel_goes_on =
      (events & EPOLLOUT) && connection.channel && connection.channel->wants_write();
  if ((events & EPOLLIN) || channel_goes_on) return read(connection);
  // The peer will send no more while we read nothing: it has gone, or soon will notice.
  if (events & EPOLLRDHUP) kill(connection);
}

void EventLoop::accept_from(Listener& listener) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Fd socket(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR)
        return;
      // Out of descriptors or memory. The connection waits in the backlog; so do we, or the loop
      // would spin on a listener that stays readable.
      turn_.stats.accept_errors.add(1);
      log_.log(Severity::error, "accept failed, pausing: " + std::to_string(errno));
      control(epoll_.get(), EPOLL_CTL_MOD, listener.fd.get(), 0, tag_of(&listener, kListenerTag));
      listener.paused = true;
      next_sweep_ = turn_.now + options_.tick;
      return;
    }
    if (connections_.size() >= connections_max_.load(std::memory_order_relaxed) ||
        (listener.limit && !listener.limit->take())) {
      turn_.stats.connections_refused.add(1);
      continue;  // closed by Fd
    }
    turn_.stats.connections_accepted.add(1);
    if (Status status = open(std::move(socket), ConnectionPlace(listener.limit), *listener.factory,
                             listener.channels);
        !status.ok()) {
      log_.log(Severity::error, status.message());
    }
  }
}

void EventLoop::read(Connection& connection) {
  std::span<std::byte> space;
  const bool discard = connection.finishing();
  if (!discard) space = connection.session->space();
  const bool packed = space.empty();
  if (packed) space = arena_.space();
  if (space.empty()) return kill(connection);  // out of memory
  const auto [io, bytes] = receive(connection, space);
  if (io == ByteChannel::Io::broken) return kill(connection);
  if (io == ByteChannel::Io::closed) return peer_closed(connection);
  if (io == ByteChannel::Io::later) return;
  turn_.stats.bytes_received.add(bytes);
  if (discard) return;
  if (packed) {
    const std::span<const std::byte> taken = arena_.take(bytes);
    connection.session->received(taken, arena_.chunk());
  } else {
    connection.session->received_in_space(bytes);
  }
  connection.touch();
}

ByteChannel::Read EventLoop::receive(Connection& connection, std::span<std::byte> space) {
  using Io = ByteChannel::Io;
  // What is thrown away need not be understood.
  if (connection.channel && !connection.finishing()) {
    const bool established = connection.channel->established();
    const ByteChannel::Read read = connection.channel->read(space);
    const bool done = connection.channel->established();
    if (!done && read.io == Io::broken) {
      handshake_ended(connection, false);
      return {};
    }
    if (!established && done) handshake_ended(connection, true);
    connection.touch();  // its wishes may have changed
    return read;
  }
  const ssize_t size = ::recv(connection.fd.get(), space.data(), space.size(), MSG_DONTWAIT);
  if (size > 0) return {Io::some, static_cast<std::size_t>(size)};
  if (size == 0) return {Io::closed, 0};
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return {again ? Io::later : Io::broken, 0};
}

void EventLoop::handshake_ended(Connection& connection, bool done) {
  connection.handshake_until = kNever;
  if (done) return connection.set_peer_name(connection.channel->peer_name());
  turn_.stats.handshakes_failed.add(1);
  connection.out.clear();
  connection.finish(true);  // the channel has said why; a reset would destroy that
}

// Input that channels still hold. Those that came first in the last turn, and one read each: nobody
// is kept waiting by one who sends a lot.
void EventLoop::read_unread() {
  if (unread_.empty()) return;
  for (Connection* connection : std::exchange(unread_, {})) {
    connection->unread = false;
    if (!connection->dead && !connection->finishing()) read(*connection);
  }
}

// A peer that stops sending has stopped waiting too: what it has in flight is cancelled. Only
// replies that are already written may still reach one that closed no more than its own direction.
void EventLoop::peer_closed(Connection& connection) {
  if (connection.finishing() || connection.out.empty()) return kill(connection);
  connection.session->drain();
  connection.finish(false);
}

void EventLoop::submit() {
  if (turn_.drained.empty()) return;
  // Replies may come before submit_turn returns, and sessions may then have more requests for the
  // next turn: they must not grow the vector that the engine is reading.
  std::swap(turn_.drained, submitting_);
  engine_.submit_turn(submitting_);
  submitting_.clear();
}

void EventLoop::flush_touched() {
  std::swap(turn_.touched, flushing_);
  for (Link* link : flushing_) {
    link->untouch();
    auto& connection = static_cast<Connection&>(*link);
    if (!connection.dead) flush(connection);
  }
  flushing_.clear();
}

void EventLoop::flush(Connection& connection) {
  OutQueue::Sent result = OutQueue::Sent::all;
  std::size_t sent = 0;
  int rounds = 0;
  for (; rounds < kFlushRounds && result == OutQueue::Sent::all; ++rounds) {
    if (!connection.finishing() && connection.out.size() <= options_.out_bytes_max) {
      connection.session->resume();
    }
    if (connection.out.empty()) break;
    result = connection.channel ? connection.channel->flush(connection.out, sent)
                                : connection.out.flush(connection.fd.get(), sent);
  }
  turn_.stats.bytes_sent.add(sent);
  if (result == OutQueue::Sent::broken) return kill(connection);
  connection.stalled = result == OutQueue::Sent::some;
  if (!connection.stalled) {
    connection.stalled_until = kNever;
  } else if (sent > 0 || connection.stalled_until == kNever) {
    connection.stalled_until = turn_.now + options_.send_timeout;
  }
  if (connection.finishing() && connection.out.empty()) return close_gracefully(connection);
  if (rounds == kFlushRounds) connection.touch();  // others first, then more
  update_interest(connection);
}

void EventLoop::close_gracefully(Connection& connection) {
  if (connection.channel && !connection.half_closed) connection.channel->say_goodbye();
  if (!connection.lingering()) return kill(connection);
  if (!connection.half_closed) {
    connection.half_closed = true;
    connection.linger_until = turn_.now + options_.linger_timeout;
    ::shutdown(connection.fd.get(), SHUT_WR);
  }
  update_interest(connection);
}

void EventLoop::update_interest(Connection& connection) {
  const bool room = connection.out.size() <= options_.out_bytes_max;
  const bool input =
      connection.finishing() ? connection.lingering() : room && connection.session->wants_input();
  std::uint32_t wanted = 0;
  if (!connection.finishing()) wanted |= EPOLLRDHUP;
  if (input) wanted |= EPOLLIN;
  if (connection.stalled || (connection.channel && connection.channel->wants_write())) {
    wanted |= EPOLLOUT;
  }
  if (input && !connection.finishing() && !connection.unread && connection.channel &&
      connection.channel->has_unread()) {
    connection.unread = true;
    unread_.push_back(&connection);
  }
  if (wanted == connection.interest) return;
  connection.interest = wanted;
  control(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), wanted,
          tag_of(&connection, kConnectionTag));
}

// Ends the session at once; the object stays until the turn is over, for events still point to it.
void EventLoop::kill(Connection& connection) {
  if (connection.dead) return;
  connection.dead = true;
  connection.session.reset();
  connection.out.clear();
  connection.channel.reset();
  connection.fd.reset();
  connection.place.reset();
  turn_.stats.connections_open.subtract(1);
  const std::size_t index = connection.index;
  graveyard_.push_back(std::move(connections_[index]));
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
}

void EventLoop::bury() {
  if (graveyard_.empty()) return;
  std::erase_if(turn_.touched,
                [](const Link* link) { return static_cast<const Connection*>(link)->dead; });
  std::erase_if(unread_, [](const Connection* connection) { return connection->dead; });
  graveyard_.clear();
}

void EventLoop::sweep() {
  next_sweep_ = turn_.now + options_.tick;
  for (auto& listener : listeners_) {
    if (!listener->paused) continue;
    listener->paused = false;
    control(epoll_.get(), EPOLL_CTL_MOD, listener->fd.get(), EPOLLIN,
            tag_of(listener.get(), kListenerTag));
  }
  for (std::size_t i = connections_.size();
       i-- > 0;) {  // backwards: kill() moves the last one here
    Connection& connection = *connections_[i];
    const bool overdue = turn_.now >= connection.stalled_until ||
                         turn_.now >= connection.linger_until ||
                         turn_.now >= connection.handshake_until;
    if (overdue) {
      turn_.stats.connections_timed_out.add(1);
      kill(connection);
    } else if (!connection.finishing()) {
      if (turn_.now >= connection.session->deadline()) {
        turn_.stats.connections_timed_out.add(1);
        connection.session->expired();
        connection.finish(false);
      } else {
        connection.session->tick();
      }
    }
  }
  flush_touched();
}

void EventLoop::begin_drain() {
  draining_ = true;
  listeners_.clear();
  for (std::size_t i = connections_.size(); i-- > 0;) {
    Connection& connection = *connections_[i];
    if (!connection.finishing()) connection.session->drain();
  }
  flush_touched();
}

}  // namespace mlops
