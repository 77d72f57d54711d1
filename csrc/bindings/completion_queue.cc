#include "bindings/completion_queue.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "bindings/settle.h"

namespace mlops::python {
namespace {

constexpr const char* kPendingCapsule = "mlops_engine.pending";

// In head_ once the reader is gone; never dereferenced.
PythonPending* closed_mark() { return reinterpret_cast<PythonPending*>(std::uintptr_t{1}); }

}  // namespace

Result<Ref<CompletionQueue>> CompletionQueue::make(Futures futures) {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) {
    return Status::resource_exhausted(std::string("no eventfd for completions: ") +
                                      std::strerror(errno));
  }
  return Ref<CompletionQueue>::adopt(new CompletionQueue(futures, fd));
}

CompletionQueue::~CompletionQueue() { ::close(fd_); }

void CompletionQueue::wake() const noexcept {
  const std::uint64_t one = 1;
  // The only failure is a counter that is full already, and then the reader is awake.
  static_cast<void>(!::write(fd_, &one, sizeof(one)));
}

void CompletionQueue::push(PythonPending* pending) noexcept {
  PythonPending* head = head_.load(std::memory_order_relaxed);
  do {
    if (head == closed_mark()) {
      pending->orphan();
      return;
    }
    pending->next_ = head;
  } while (!head_.compare_exchange_weak(head, pending, std::memory_order_release,
                                        std::memory_order_relaxed));
  if (!head) wake();
}

void CompletionQueue::settle_all() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(fd_, &count, sizeof(count)));
  PythonPending* newest = head_.load(std::memory_order_relaxed);
  do {
    if (!newest || newest == closed_mark()) return;
  } while (!head_.compare_exchange_weak(newest, nullptr, std::memory_order_acquire,
                                        std::memory_order_relaxed));
  PythonPending* oldest = nullptr;
  while (newest) {
    PythonPending* const next = std::exchange(newest->next_, oldest);
    oldest = std::exchange(newest, next);
  }
  while (oldest) {
    // Dropped before the future is settled: whoever waits for it finds the inputs given back.
    Ref<PythonPending> pending = Ref<PythonPending>::adopt(oldest);
    oldest = std::exchange(oldest->next_, nullptr);
    Response response = pending->take_response();
    const Object future = std::move(pending->future);
    pending = nullptr;
    const bool settled = futures_ == Futures::of_loop
                             ? settle_loop_future(future.get(), std::move(response))
                             : settle_thread_future(future.get(), std::move(response));
    if (!settled) PyErr_WriteUnraisable(future.get());
  }
}

void CompletionQueue::close() noexcept {
  PythonPending* next = head_.exchange(closed_mark(), std::memory_order_acquire);
  while (next && next != closed_mark()) {
    PythonPending* const here = std::exchange(next, next->next_);
    here->orphan();
  }
}

bool CompletionQueue::wait() const {
  for (;;) {
    if (head_.load(std::memory_order_acquire)) return true;
    if (stopped_.load(std::memory_order_acquire)) return false;
    pollfd readable{fd_, POLLIN, 0};
    static_cast<void>(poll(&readable, 1, -1));
    std::uint64_t count = 0;
    static_cast<void>(!::read(fd_, &count, sizeof(count)));
  }
}

void CompletionQueue::stop() noexcept {
  stopped_.store(true, std::memory_order_release);
  wake();
}

bool PythonPending::hand_to_queue() {
  Phase expected = Phase::submitting;
  return phase_.compare_exchange_strong(expected, Phase::waiting, std::memory_order_acq_rel);
}

void PythonPending::deliver(Response&& response) noexcept {
  response_ = std::move(response);
  if (phase_.exchange(Phase::delivered, std::memory_order_acq_rel) == Phase::submitting) return;
  add_ref();
  queue_->push(this);
}

void PythonPending::orphan() noexcept {
  orphaned_ = true;
  dispose_with_gil();
}

void PythonPending::dispose() noexcept {
  if (!std::exchange(orphaned_, false)) {
    delete this;
    return;
  }
  future = Object();
  drop_ref();
}

PyObject* make_cancel_capsule(const Ref<PythonPending>& pending) {
  PyObject* capsule = PyCapsule_New(pending.get(), kPendingCapsule, [](PyObject* dying) {
    const GilHeld held;
    Ref<PythonPending>::adopt(
        static_cast<PythonPending*>(PyCapsule_GetPointer(dying, kPendingCapsule)));
  });
  if (capsule) pending->add_ref();
  return capsule;
}

bool cancel_pending(PyObject* capsule) {
  auto* pending = static_cast<PythonPending*>(PyCapsule_GetPointer(capsule, kPendingCapsule));
  if (!pending) return false;
  pending->cancel();
  return true;
}

}  // namespace mlops::python
