#pragma once
// Requests that Python does not wait for in place, and the way their answers come home.
//
// A lane delivers by pushing the request on its queue, lock-free, and writing an eventfd when the
// queue was empty. The reader (one thread for concurrent.futures, the event loop itself for
// asyncio) wakes once and settles every future that is due. Lanes never wait for the GIL.

#include <atomic>
#include <memory>

#include "base/status.h"
#include "bindings/gil.h"
#include "request/pending.h"

namespace mlops::python {

class PythonPending;

class CompletionQueue final : public RefCounted {
 public:
  // Which kind of future waits here: they differ in how a cancelled one says so.
  enum class Futures { of_threads, of_loop };

  static Result<Ref<CompletionQueue>> make(Futures futures);

  int fd() const { return fd_; }

  // Any thread. Takes over one reference to `pending`.
  void push(PythonPending* pending) noexcept;

  // GIL held; one reader. Settles all that has come.
  void settle_all();

  // GIL held. The reader is gone: what has come and what still comes is dropped.
  void close() noexcept;

  // Blocks, without the GIL, until something has come or stop() was called; false then.
  bool wait() const;
  void stop() noexcept;

 private:
  CompletionQueue(Futures futures, int fd) : futures_(futures), fd_(fd) {}
  ~CompletionQueue() override;
  void wake() const noexcept;
  void settle(PythonPending& pending);

  const Futures futures_;
  const int fd_;
  std::atomic<bool> stopped_{false};
  std::atomic<PythonPending*> head_{nullptr};
};

class PythonPending final : public Pending, public Deferred {
 public:
  // Says whether the submitter still holds the request in its hands and takes an answer that comes
  // at once itself, or the future is already out and everything goes through the queue.
  enum class Phase : std::uint8_t { submitting, waiting, delivered };

  PythonPending(Ref<CompletionQueue> queue, Phase phase)
      : queue_(std::move(queue)), phase_(phase) {}

  // From submitting to waiting for the queue. False when the answer is there already: it is then
  // the caller's, through take_response().
  bool hand_to_queue();
  bool delivered() const { return phase_.load(std::memory_order_acquire) == Phase::delivered; }
  Response take_response() { return std::move(response_); }

  Object future;  // GIL; set before hand_to_queue()

 private:
  friend class CompletionQueue;
  void deliver(Response&& response) noexcept override;
  // Nobody will settle it: lets go of the future, which holds this in turn, and of the queue's
  // reference. Any thread.
  void orphan() noexcept;
  void last_ref_gone() override { dispose_with_gil(); }
  void dispose() noexcept override;

  Ref<CompletionQueue> queue_;
  std::atomic<Phase> phase_;
  Response response_;
  PythonPending* next_ = nullptr;  // the queue's
  bool orphaned_ = false;
};

// A capsule that cancels the request while the future lives; see cancel_pending(). GIL held.
PyObject* make_cancel_capsule(const Ref<PythonPending>& pending);
bool cancel_pending(PyObject* capsule);  // false with a Python error set when it is no such capsule

}  // namespace mlops::python
