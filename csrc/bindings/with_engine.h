#pragma once
// How functions that pybind11 calls use the engine.

#include "bindings/bind.h"
#include "bindings/engine_handle.h"

namespace mlops::python {

// Runs `work` on the engine without the GIL and then passes on what the core had to log.
template <class Work>
auto with_engine(EngineHandle& handle, Work work) {
  const GilHeld held;
  throw_unless_ok(handle.usable());
  const EngineHandle::Use engine(handle);
  auto result = [&] {
    const GilReleased released;
    return work(engine);
  }();
  PythonLog::pass_on_all();
  return result;
}

}  // namespace mlops::python
