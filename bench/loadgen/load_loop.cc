#include "loadgen/load_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace mlops::loadgen {
namespace {

constexpr std::int64_t kExpiryEvery_ns = 20'000'000;
constexpr std::size_t kReconnectsMax =
    10'000;  // a server that drops every connection is a failed run, not a load

}  // namespace

std::int64_t steady_now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

LoadLoop::LoadLoop(const LoopOptions& options, Open open)
    : options_(options),
      open_(std::move(open)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.connections),
      watches_writes_(options.connections, false),
      dirty_(options.connections, false) {}

LoadLoop::~LoadLoop() { ::close(epoll_); }

bool LoadLoop::attach(std::size_t index) {
  connections_[index] = open_(index);
  if (!connections_[index]) return false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = index;
  watches_writes_[index] = false;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[index]->fd(), &event) != 0) return false;
  mark_dirty(index);  // HTTP/2 has a preface to send
  return true;
}

std::string LoadLoop::connect() {
  for (std::size_t i = 0; i < options_.connections; ++i) {
    if (!attach(i)) return std::string("cannot connect: ") + std::strerror(errno);
  }
  return "";
}

void LoadLoop::on_reply(std::size_t slot, Outcome outcome) {
  dispatcher_->on_reply(slot, outcome, now_);
}

void LoadLoop::mark_dirty(std::size_t index) {
  if (dirty_[index]) return;
  dirty_[index] = true;
  dirty_list_.push_back(index);
}

void LoadLoop::issue() {
  while (fatal_.empty()) {  // or a connection may be missing
    const auto start = dispatcher_->next(now_);
    if (!start) return;
    const std::size_t index = start->slot / options_.streams;
    connections_[index]->start(start->slot, start->row);
    mark_dirty(index);
  }
}

// Ends everything in flight on the connection with this outcome and opens another in its place.
void LoadLoop::lose(std::size_t index, Outcome outcome) {
  connections_[index].reset();
  for (std::size_t i = 0; i < options_.streams; ++i) {
    dispatcher_->on_reply(index * options_.streams + i, outcome, now_);
  }
  if (!fatal_.empty()) return;
  if (++reconnects_ > kReconnectsMax)
    fatal_ = "the server keeps dropping connections";
  else if (!attach(index))
    fatal_ = std::string("cannot reconnect: ") + std::strerror(errno);
}

void LoadLoop::flush_dirty() {
  // lose() may append while this walks, so by index.
  for (std::size_t i = 0; i < dirty_list_.size() && fatal_.empty(); ++i) {
    const std::size_t index = dirty_list_[i];
    dirty_[index] = false;
    Connection& connection = *connections_[index];
    if (!connection.flush()) {
      lose(index, Outcome::kConnectionLost);
      continue;
    }
    if (connection.wants_write() == watches_writes_[index]) continue;
    watches_writes_[index] = connection.wants_write();
    epoll_event event{};
    event.events = EPOLLIN | (connection.wants_write() ? EPOLLOUT : 0u);
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event);
  }
  dirty_list_.clear();
}

void LoadLoop::expire() {
  if (now_ < next_expiry_) return;
  next_expiry_ = now_ + kExpiryEvery_ns;
  for (const std::size_t slot : dispatcher_->started_before(now_ - options_.timeout_ns)) {
    if (!dispatcher_->active(slot)) continue;  // lost with a neighbour that timed out before it
    dispatcher_->on_reply(slot, Outcome::kTimeout, now_);
    lose(slot / options_.streams, Outcome::kConnectionLost);
  }
}

void LoadLoop::serve(std::size_t index, bool readable) {
  mark_dirty(index);
  if (!readable) return;
  const bool open = connections_[index]->receive();
  now_ = steady_now_ns();
  if (!open || !connections_[index]->deliver(*this)) lose(index, Outcome::kConnectionLost);
}

std::int64_t LoadLoop::wake_at(const Recorder& recorder) const {
  std::int64_t at = next_expiry_;
  if (!recorder.finished()) at = std::min(at, recorder.next_edge_ns());
  if (const auto due = dispatcher_->next_due_ns()) at = std::min(at, *due);
  return at;
}

int LoadLoop::wait(std::int64_t until_ns) {
  std::array<epoll_event, 128> events;
  const std::int64_t wait_ns = options_.spin ? 0 : std::max<std::int64_t>(0, until_ns - now_);
  const timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
  const int ready =
      epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  now_ = steady_now_ns();
  for (int i = 0; i < ready && fatal_.empty(); ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    serve(event.data.u64, (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0);
    issue();
    flush_dirty();  // per connection: the server starts on the first reply's successor while we
                    // read the next
  }
  return ready;
}

std::string LoadLoop::run(Dispatcher& dispatcher, Recorder& recorder) {
  dispatcher_ = &dispatcher;
  now_ = steady_now_ns();
  next_expiry_ = now_ + kExpiryEvery_ns;
  const std::int64_t give_up = recorder.timing().end_ns() + options_.drain_ns;
  while (fatal_.empty()) {
    recorder.advance(now_);
    if (recorder.finished() && (dispatcher.drained() || now_ >= give_up)) break;
    const std::int64_t began = now_;
    const std::size_t before = dispatcher.in_flight();
    issue();
    expire();
    flush_dirty();
    const bool sent = dispatcher.in_flight() != before;
    const std::int64_t waiting = sent ? steady_now_ns() : began;
    now_ = waiting;
    const int ready = wait(wake_at(recorder));
    const std::int64_t ended = steady_now_ns();
    // While spinning, a turn that found nothing is idle time. A sleeping client is judged by its
    // CPU clock instead.
    busy_ns_ += (waiting - began) + (ready > 0 ? ended - waiting : 0);
    now_ = ended;
  }
  dispatcher.abandon(now_);
  return fatal_;
}

}  // namespace mlops::loadgen
