#include "bindings/time_calls.h"

#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/call_args.h"

namespace mlops::python {

std::vector<std::int64_t> time_calls(EngineHandle& handle, const pybind11::str& name,
                                     const pybind11::dict& inputs, std::size_t repeats) {
  const GilHeld held;
  throw_unless_ok(handle.usable());
  const EngineHandle::Use engine(handle);
  CallArgs call;
  call.name = name.ptr();
  call.inputs = inputs.ptr();
  Request original;
  throw_unless_ok(build_request(call, engine->copies(), original));
  std::vector<std::int64_t> times(repeats);
  Status status;
  {
    const GilReleased released;
    for (std::int64_t& time : times) {
      const TimePoint begin = std::chrono::steady_clock::now();
      Request request;
      request.model = original.model;
      request.inputs = original.inputs;
      const Response response = engine->infer(std::move(request));
      time = (std::chrono::steady_clock::now() - begin).count();
      if (!response.status.ok()) {
        status = response.status;
        break;
      }
    }
  }
  throw_unless_ok(status);
  return times;
}

}  // namespace mlops::python
