#include "engine/lane_pool.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <system_error>

#include "base/cpu_budget.h"

namespace mlops {
namespace {

// How long a thread that slow turns made necessary stays when it is not needed any more.
constexpr auto kSpareLife = std::chrono::seconds(5);

// What this thread has computed, not counting what it waited for: a model pays for what it takes
// from others, whoever else the machine was busy with.
Duration thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

LanePool::LanePool(unsigned cores, const Clock& clock)
    : cores_(cores > 0 ? cores : usable_cores()), clock_(clock), share_(cores_) {
  stats_.cores = cores_;
  const std::lock_guard lock(mutex_);
  add_thread_locked();
}

LanePool::~LanePool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  gone_.wait(lock, [this] { return threads_.empty(); });
}

std::unique_ptr<LanePool::Seat> LanePool::enter(std::function<bool()> turn, const Terms& terms) {
  return std::unique_ptr<Seat>(new Seat(*this, std::move(turn), terms));
}

void LanePool::Seat::ask() {
  const std::lock_guard lock(pool_.mutex_);
  if (left_ || queued_) return;
  pool_.queue_locked(*this, pool_.clock_.now());
  pool_.tell_locked();
}

void LanePool::Seat::ask_at(TimePoint at) {
  const std::lock_guard lock(pool_.mutex_);
  if (left_ || at >= at_) return;
  pool_.later_.erase({at_, this});
  at_ = at;
  pool_.later_.emplace(at, this);
  pool_.tell_locked();
}

void LanePool::Seat::leave() {
  std::unique_lock lock(pool_.mutex_);
  left_ = true;
  pool_.later_.erase({at_, this});
  if (queued_) {
    pool_.without_core_.remove(this);
    pool_.share_.withdraw(*this);
    queued_ = false;
  }
  pool_.gone_.wait(lock, [this] { return inside_ == 0; });
}

Duration LanePool::Seat::computed() const {
  const std::lock_guard lock(pool_.mutex_);
  return computed_;
}

PoolStats LanePool::stats() const {
  const std::lock_guard lock(mutex_);
  PoolStats stats = stats_;
  stats.threads = threads_.size();
  stats.busy_cores = on_cores_.size();
  return stats;
}

void LanePool::queue_locked(Seat& seat, TimePoint now) {
  if (seat.queued_ || seat.left_) return;
  seat.queued_ = true;
  seat.asked_at_ = now;
  if (seat.terms_.waits) {
    without_core_.push_back(&seat);
  } else {
    share_.ready(seat);
  }
}

void LanePool::queue_due_locked(TimePoint now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    Seat& seat = *later_.begin()->second;
    later_.erase(later_.begin());
    seat.at_ = kNever;
    queue_locked(seat, now);
  }
}

Duration LanePool::turn_max_locked() const {
  constexpr std::size_t kStepsMax = 10;
  return kTurnMax * (std::int64_t{1} << (2 * std::min(lent_ / cores_, kStepsMax)));
}

// Only from whom others wait for: a slow turn that is in nobody's way keeps its core.
void LanePool::take_cores_back_locked(TimePoint now) {
  while (share_.any_ready() && on_cores_.size() >= cores_ &&
         on_cores_.front()->began + turn_max_locked() <= now) {
    on_cores_.front()->has_core = false;
    on_cores_.erase(on_cores_.begin());
    ++lent_;
    ++stats_.overruns;
  }
}

bool LanePool::can_begin_locked() const {
  return !without_core_.empty() || (share_.any_ready() && on_cores_.size() < cores_);
}

LanePool::Seat* LanePool::next_locked(TimePoint now) {
  queue_due_locked(now);
  take_cores_back_locked(now);
  if (!can_begin_locked()) return nullptr;
  Seat* seat = nullptr;
  if (without_core_.empty()) {
    seat = static_cast<Seat*>(share_.take());
  } else {
    seat = without_core_.front();
    without_core_.pop_front();
  }
  seat->queued_ = false;
  return seat;
}

// When there may be something to do that nobody will tell of.
TimePoint LanePool::next_event_locked() const {
  TimePoint next = later_.empty() ? kNever : later_.begin()->first;
  if (share_.any_ready() && on_cores_.size() >= cores_) {
    next = std::min(next, on_cores_.front()->began + turn_max_locked());
  }
  return next;
}

// After every change that may be news to threads that wait.
void LanePool::tell_locked() {
  if (idle_ > 0 && (can_begin_locked() || next_event_locked() < watched_until_)) work_.notify_one();
}

// A machine that is out of threads has fewer; it is tried again with the next turn.
void LanePool::add_thread_locked() {
  retired_.clear();  // joins those that have given up the lock for good
  try {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), "mlops-lane");
  } catch (const std::system_error&) {
    return;
  }
}

// False when the thread is not needed any more.
bool LanePool::wait(TimePoint now, std::unique_lock<std::mutex>& lock) {
  const TimePoint event = next_event_locked();
  const bool spare = threads_.size() > cores_ + 1 && idle_ > 0;
  const TimePoint until = spare ? std::min(event, now + kSpareLife) : event;
  ++idle_;
  watched_until_ = std::min(watched_until_, event);
  bool told = true;
  if (until == kNever) {
    work_.wait(lock);
  } else {
    told = work_.wait_until(lock, until) == std::cv_status::no_timeout;
  }
  --idle_;
  watched_until_ = kNever;  // perhaps others watch; if so they are told once too often
  return told || until == event || idle_ == 0 || can_begin_locked();
}

void LanePool::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const TimePoint now = clock_.now();
    Seat* seat = next_locked(now);
    if (seat) {
      run(*seat, now, lock);
    } else if (!wait(now, lock)) {
      break;
    }
  }
  if (!stopping_) tell_locked();  // it may have been the one that watched
  // The handle is left to be joined by others, who then wait for no more than a return.
  const auto self = std::ranges::find(threads_, std::this_thread::get_id(), &std::jthread::get_id);
  retired_.push_back(std::move(*self));
  threads_.erase(self);
  gone_.notify_all();
}

void LanePool::run(Seat& seat, TimePoint now, std::unique_lock<std::mutex>& lock) {
  Run run{now, !seat.terms_.waits};
  if (run.has_core) on_cores_.push_back(&run);
  ++seat.inside_;
  ++turns_;
  ++stats_.turns;
  stats_.wait_ns += elapsed_ns(seat.asked_at_, now);
  if (turns_ == threads_.size()) {
    add_thread_locked();  // somebody must look when this turn takes long
  } else {
    tell_locked();
  }
  lock.unlock();
  const Duration before = thread_time();
  const bool more = seat.turn_();
  const Duration computed = (thread_time() - before) * seat.terms_.threads_per_turn;
  lock.lock();
  --turns_;
  if (run.has_core) {
    std::erase(on_cores_, &run);
  } else if (!seat.terms_.waits) {
    --lent_;
  }
  seat.computed_ += computed;
  if (more) queue_locked(seat, clock_.now());  // before finished(): it has not been idle
  if (!seat.terms_.waits) share_.finished(seat, computed);
  if (--seat.inside_ == 0 && seat.left_) gone_.notify_all();
}

}  // namespace mlops
