#include "bindings/submit.h"

#include <new>

#include "bindings/call_args.h"
#include "bindings/errors.h"
#include "bindings/fast_infer.h"
#include "bindings/settle.h"

namespace mlops::python {
namespace {

Ref<CompletionQueue> submit_queue;        // GIL
PyObject* submit_future_class = nullptr;  // GIL

// The reading thread starts with the first future, so that who makes none has none.
bool have_queue() {
  if (submit_queue) return true;
  const Object module = Object::steal(PyImport_ImportModule("mlops_engine._futures"));
  return module && Object::steal(PyObject_CallMethod(module.get(), "start", nullptr)) &&
         submit_queue;
}

PyObject* submit_to(const EngineHandle::Use& engine, const CallArgs& call) {
  if (!have_queue()) return nullptr;
  Object future = Object::steal(PyObject_CallNoArgs(submit_future_class));
  if (!future) return nullptr;
  auto pending = make_ref<PythonPending>(submit_queue, PythonPending::Phase::waiting);
  if (Status s = build_request(call, engine->copies(), pending->request); !s.ok()) {
    if (PyErr_Occurred()) return nullptr;
    const bool settled =
        settle_thread_future(future.get(), Response::failure(pending->request, std::move(s)));
    return settled ? future.release() : nullptr;
  }
  const Object capsule = Object::steal(make_cancel_capsule(pending));
  if (!capsule || PyObject_SetAttrString(future.get(), "_pending", capsule.get()) < 0) {
    return nullptr;
  }
  pending->future = Object::borrow(future.get());
  const GilReleased released;
  engine->submit(pending);
  return future.release();
}

}  // namespace

void use_for_submit(Ref<CompletionQueue> queue, Object future_class) {
  submit_queue = std::move(queue);
  Py_XSETREF(submit_future_class, future_class.release());
}

PyObject* submit(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const GilHeld held;
  CallArgs call;
  if (!parse_call("submit", args, nargs, kwnames, call)) return nullptr;
  EngineHandle* handle = usable_handle(self);
  if (!handle) return nullptr;
  const EngineHandle::Use engine(*handle);  // before any Python code, which could close it
  try {
    return submit_to(engine, call);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

}  // namespace mlops::python
