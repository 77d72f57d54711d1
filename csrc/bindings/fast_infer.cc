#include "bindings/fast_infer.h"

#include <pybind11/pybind11.h>

#include <array>
#include <new>

#include "bindings/array_out.h"
#include "bindings/call_args.h"
#include "bindings/errors.h"

namespace mlops::python {
namespace {

// Keeps the inputs' buffers until the GIL is held again: otherwise the engine would drop the last
// reference without it, and giving an array back would take the detour over the deferred list.
class HeldInputs {
 public:
  explicit HeldInputs(const Request& request) {
    for (const NamedTensor& input : request.inputs) {
      if (count_ == first_.size()) break;  // the rest takes the detour
      first_[count_++] = input.tensor.owner;
    }
  }

 private:
  std::array<Buffer, 4> first_;
  std::size_t count_ = 0;
};

PyObject* infer(EngineHandle& handle, const CallArgs& call) {
  const EngineHandle::Use engine(handle);
  Request request;
  if (Status s = build_request(call, engine->copies(), request); !s.ok()) return raise(s);
  const HeldInputs inputs(request);
  Response response = [&] {
    const GilReleased released;
    return engine->infer(std::move(request));
  }();
  if (!response.status.ok()) return raise(response.status);
  return outputs_to_dict(std::move(response));
}

}  // namespace

EngineHandle* usable_handle(PyObject* self) {
  // The type's method descriptor has checked `self`; its first base is ours, so the C++ pointer
  // sits where pybind11 keeps the only one. Null when a subclass forgot to call __init__.
  auto* instance = reinterpret_cast<pybind11::detail::instance*>(self);
  auto* handle = instance->get_value_and_holder().value_ptr<EngineHandle>();
  if (!handle) {
    PyErr_SetString(PyExc_TypeError, "Engine.__init__() has not been called");
    return nullptr;
  }
  if (handle->closed()) {
    raise(handle->usable());
    return nullptr;
  }
  return handle;
}

PyObject* fast_infer(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const GilHeld held;
  CallArgs call;
  if (!parse_call("infer", args, nargs, kwnames, call)) return nullptr;
  EngineHandle* handle = usable_handle(self);
  if (!handle) return nullptr;
  try {
    return infer(*handle, call);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

}  // namespace mlops::python
