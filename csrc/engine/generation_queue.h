#pragma once
// Which of a decoupled version's generations is stepped next: those that can go on, in turn; those
// that asked to be left alone until some time; those whose reader is full. Thread-safe.

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "execute/generation.h"
#include "request/pending.h"
#include "request/validate.h"

namespace mlops {

class GenerationQueue;

// One request and its generation. What is not the queue's belongs to the thread that next() gave it
// to.
class GenerationTask final : public PartSource {
 public:
  GenerationTask(PendingRef of, std::shared_ptr<GenerationQueue> queue)
      : pending(std::move(of)), queue_(std::move(queue)) {}
  void room() noexcept override;

  PendingRef pending;  // null once finished
  Resolved resolved;
  std::vector<Tensor> inputs;
  std::vector<OutputSlot> outputs;
  std::unique_ptr<Generation> generation;  // null until claimed
  TimePoint started_at{};
  Duration spent{0};      // in the back end
  Duration told{0};       // of it, for the parts that were sent
  std::size_t parts = 0;  // sent

 private:
  friend class GenerationQueue;
  enum class State : std::uint8_t { ready, running, later, parked, over };

  const std::shared_ptr<GenerationQueue> queue_;
  // Guarded by the queue's lock.
  State state_ = State::ready;
  bool nudged_ = false;  // room() was called while it ran
  std::list<Ref<GenerationTask>>::iterator in_all_;
  std::multimap<TimePoint, Ref<GenerationTask>>::iterator in_later_;
};

class GenerationQueue {
 public:
  using TaskRef = Ref<GenerationTask>;
  enum class Admission : std::uint8_t { taken, full, closed };

  // `wake(at)`: look again, now (a time that has passed) or then. Called with the queue's lock
  // held, until stop().
  GenerationQueue(std::size_t tasks_max, std::function<void(TimePoint at)> wake)
      : tasks_max_(tasks_max), wake_(std::move(wake)) {}

  Admission add(const TaskRef& task);
  // A task that can be stepped; null: none now. The task is then given back by exactly one of the
  // four below.
  TaskRef next(TimePoint now);
  void again(TaskRef task);                // behind the others
  void later(TaskRef task, TimePoint at);  // not before `at`, unless it is cancelled
  void park(TaskRef task);                 // until room()
  void finish(TaskRef task);               // its request has been answered

  std::vector<PendingRef> requests() const;
  std::size_t size() const;
  bool has_ready() const;
  void close();                    // takes no more
  bool drain(TimePoint deadline);  // until it is empty
  void stop();                     // nobody is woken from now on

 private:
  friend class GenerationTask;
  void room(GenerationTask& task) noexcept;
  void make_ready_locked(TaskRef task);
  void wake_due_locked(TimePoint now);
  void wake_locked(TimePoint at);

  mutable std::mutex mutex_;
  std::condition_variable calm_;
  const std::size_t tasks_max_;
  const std::function<void(TimePoint)> wake_;
  std::list<TaskRef> all_;  // guarded by mutex_, as are the rest
  std::deque<TaskRef> ready_;
  std::multimap<TimePoint, TaskRef> later_;
  bool closed_ = false;
  bool stopped_ = false;
};

}  // namespace mlops
