#include "bindings/engine_handle.h"

#include <utility>

namespace mlops::python {

Result<std::unique_ptr<EngineHandle>> EngineHandle::create(EngineOptions options) {
  std::unique_ptr<EngineHandle> handle(new EngineHandle);
  Result<std::unique_ptr<Engine>> engine = Engine::create(std::move(options), handle->log_);
  if (!engine.ok()) return engine.status();
  handle->engine_ = std::move(*engine);
  return handle;
}

EngineHandle::~EngineHandle() = default;

Status EngineHandle::usable() const {
  if (!ended_) return {};
  return Status::unavailable(ended_);
}

void EngineHandle::close(TimePoint deadline) {
  if (ended_) return;
  ended_ = "the engine is closed";
  const Use engine(*this);
  const GilReleased released;
  engine->drain(deadline);
}

void EngineHandle::destroy() {
  std::unique_ptr<Engine> engine = std::move(engine_);
  const GilReleased released;
  engine.reset();
}

void EngineHandle::forget() {
  ended_ = "this engine was made before fork(); make one in the child process";
  users_ = 0;
  static_cast<void>(engine_.release());
}

}  // namespace mlops::python
