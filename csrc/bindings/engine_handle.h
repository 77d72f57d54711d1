#pragma once
// The Python object's engine and its end. Members are guarded by the GIL, except in the destructor,
// which runs without it: the engine joins its lane threads there.

#include <memory>

#include "base/status.h"
#include "bindings/gil.h"
#include "bindings/python_log.h"
#include "engine/engine.h"

namespace mlops::python {

class EngineHandle {
 public:
  static Result<std::unique_ptr<EngineHandle>> create(EngineOptions options);
  ~EngineHandle();

  // The engine for one call. Holds off its destruction, not its closing. Make and drop with the
  // GIL.
  class Use {
   public:
    explicit Use(EngineHandle& handle) : handle_(handle) { ++handle_.users_; }
    ~Use() {
      if (--handle_.users_ == 0 && handle_.ended_) [[unlikely]]
        handle_.destroy();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Engine* operator->() const { return handle_.engine_.get(); }

   private:
    EngineHandle& handle_;
  };

  // Why no new call may begin; ok while one may.
  Status usable() const;
  bool closed() const { return ended_ != nullptr; }

  // Refuses new calls, waits for accepted requests until the deadline, then fails those still
  // queued and joins the lanes; the last call that is still inside does that when it leaves.
  void close(TimePoint deadline);

  // After fork(), in the child: the lanes exist only in the parent, so the engine is left alone.
  void forget();

 private:
  EngineHandle() = default;
  void destroy();

  PythonLog log_;  // outlives the engine
  std::unique_ptr<Engine> engine_;
  int users_ = 0;
  const char* ended_ = nullptr;  // why, once it is closed
};

}  // namespace mlops::python
