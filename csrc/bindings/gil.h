#pragma once
// Who holds the GIL, as this extension knows it. References to Python objects are dropped by lane
// threads too, which must never wait for the GIL: such objects go to a lock-free list and are
// disposed of by the next thread that comes by with the GIL held.

#include <atomic>

#include "bindings/python.h"

namespace mlops::python {

// Marks a stretch of code in which this thread holds the GIL. PyGILState_Check() would not do: it
// answers yes to everybody once any sub-interpreter has existed. Disposes of the deferred on
// leaving.
class GilHeld {
 public:
  GilHeld() : outer_(held_) { held_ = true; }
  ~GilHeld();
  GilHeld(const GilHeld&) = delete;
  GilHeld& operator=(const GilHeld&) = delete;

  static bool here() { return held_; }

 private:
  friend class GilReleased;
  // Read several times per request; the general model of shared libraries costs a call each time.
  [[gnu::tls_model("initial-exec")]] static thread_local bool held_;
  bool outer_;
};

// Gives the GIL up inside a GilHeld stretch.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) { GilHeld::held_ = false; }
  ~GilReleased();
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* state_;
};

// Something that owns Python references and may lose its last owner on any thread.
class Deferred {
 public:
  // Disposes of it here when the GIL is held, else leaves that to somebody who holds it.
  void dispose_with_gil() noexcept;

 protected:
  virtual ~Deferred() = default;
  virtual void dispose() noexcept = 0;  // GIL held; usually `delete this`

 private:
  friend void dispose_deferred() noexcept;
  Deferred* next_ = nullptr;
};

// GIL held. One relaxed load when there is nothing to do.
void dispose_deferred() noexcept;

// Asks the interpreter's main thread to call dispose_deferred() and to pass on log lines when it
// gets to it. Any thread; never blocks on the GIL.
void ask_for_visit() noexcept;

}  // namespace mlops::python
