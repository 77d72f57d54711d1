#include "bindings/gil.h"

#include <unistd.h>

#include "bindings/python_log.h"

namespace mlops::python {
namespace {

std::atomic<Deferred*> deferred_head{nullptr};

int visit(void*) {
  const GilHeld held;
  PythonLog::pass_on_all();
  return 0;
}

}  // namespace

[[gnu::tls_model("initial-exec")]] thread_local bool GilHeld::held_ = false;

GilHeld::~GilHeld() {
  dispose_deferred();
  held_ = outer_;
}

// Until 3.13, Python ends a daemon thread that comes back for the GIL when the interpreter is
// going, by unwinding its stack: through frames that must not touch Python objects any more.
// From 3.14 on it lets the thread hang instead, and so do we.
GilReleased::~GilReleased() {
  try {
    PyEval_RestoreThread(state_);
  } catch (...) {  // nothing but the unwinding, which has no object to name
    for (;;) pause();
  }
  GilHeld::held_ = true;
}

void ask_for_visit() noexcept { Py_AddPendingCall(visit, nullptr); }

void Deferred::dispose_with_gil() noexcept {
  if (GilHeld::here()) {
    dispose();
    return;
  }
  Deferred* head = deferred_head.load(std::memory_order_relaxed);
  do {
    next_ = head;
  } while (!deferred_head.compare_exchange_weak(head, this, std::memory_order_release,
                                                std::memory_order_relaxed));
  // Traffic drains the list by itself; asking matters for the last one before a silence.
  if (!head) ask_for_visit();
}

void dispose_deferred() noexcept {
  if (!deferred_head.load(std::memory_order_relaxed)) return;
  Deferred* next = deferred_head.exchange(nullptr, std::memory_order_acquire);
  while (next) {
    Deferred* const here = std::exchange(next, next->next_);
    here->dispose();
  }
}

}  // namespace mlops::python
