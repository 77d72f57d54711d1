#include <array>
#include <cstdint>
#include <new>

#include "bindings/array_out.h"
#include "bindings/call_args.h"
#include "bindings/errors.h"
#include "bindings/fast_infer.h"
#include "bindings/settle.h"
#include "bindings/submit.h"

namespace mlops::python {
namespace {

// asyncio's parts, and ours that stand on it; imported by the first call.
struct Asyncio {
  PyObject* get_running_loop = nullptr;
  PyObject* future = nullptr;        // asyncio.Future
  PyObject* infer_future = nullptr;  // the subclass that cancels the request
  PyObject* queue_of_loop = nullptr;
  PyObject* loop_keyword = nullptr;  // ("loop",)
};

const Asyncio* asyncio_parts() {
  static Asyncio parts;
  if (parts.loop_keyword) return &parts;
  const Object module = Object::steal(PyImport_ImportModule("mlops_engine._aio"));
  if (!module) return nullptr;
  const auto get = [&](const char* name, PyObject*& slot) {
    slot = PyObject_GetAttrString(module.get(), name);
    return slot != nullptr;
  };
  if (!get("get_running_loop", parts.get_running_loop) || !get("Future", parts.future) ||
      !get("InferFuture", parts.infer_future) || !get("queue_of", parts.queue_of_loop)) {
    return nullptr;
  }
  parts.loop_keyword = Py_BuildValue("(s)", "loop");
  return parts.loop_keyword ? &parts : nullptr;
}

// The queue of a loop. Remembered beside a weak reference, so that another loop which happens to
// get the same address is not taken for it, and no loop is kept alive.
CompletionQueue* queue_of_loop(const Asyncio& asyncio, PyObject* loop) {
  struct Slot {
    PyObject* loop_ref = nullptr;
    CompletionQueue* queue = nullptr;
  };
  static std::array<Slot, 8> slots;
  Slot& slot = slots[(reinterpret_cast<std::uintptr_t>(loop) >> 6) % slots.size()];
  if (slot.loop_ref && PyWeakref_GET_OBJECT(slot.loop_ref) == loop) return slot.queue;
  const Object queue = Object::steal(PyObject_CallOneArg(asyncio.queue_of_loop, loop));
  if (!queue) return nullptr;
  CompletionQueue* found = queue_of(queue.get());
  PyObject* loop_ref = found ? PyWeakref_NewRef(loop, nullptr) : nullptr;
  if (!loop_ref) return nullptr;
  slot.queue = found;
  Py_XSETREF(slot.loop_ref, loop_ref);
  return found;
}

Object new_future(PyObject* future_class, const Asyncio& asyncio, PyObject* loop) {
  return Object::steal(PyObject_Vectorcall(future_class, &loop, 0, asyncio.loop_keyword));
}

PyObject* done_future(const Asyncio& asyncio, PyObject* loop, Response&& response) {
  Object future = new_future(asyncio.future, asyncio, loop);
  if (!future || !set_outcome(future.get(), std::move(response))) return nullptr;
  return future.release();
}

// A future for a request that is on its way; null with a Python error set.
Object waiting_future(const Asyncio& asyncio, PyObject* loop, const Ref<PythonPending>& pending) {
  static PyObject* name = PyUnicode_InternFromString("_pending");
  Object future = new_future(asyncio.infer_future, asyncio, loop);
  const Object capsule = Object::steal(future ? make_cancel_capsule(pending) : nullptr);
  if (!capsule || PyObject_SetAttr(future.get(), name, capsule.get()) < 0) return {};
  pending->future = Object::borrow(future.get());
  return future;
}

PyObject* start(const EngineHandle::Use& engine, const CallArgs& call) {
  const Asyncio* asyncio = asyncio_parts();
  if (!asyncio) return nullptr;
  const Object loop = Object::steal(PyObject_CallNoArgs(asyncio->get_running_loop));
  CompletionQueue* queue = loop ? queue_of_loop(*asyncio, loop.get()) : nullptr;
  if (!queue) return nullptr;
  auto pending =
      make_ref<PythonPending>(Ref<CompletionQueue>::share(queue), PythonPending::Phase::submitting);
  if (Status s = build_request(call, engine->copies(), pending->request); !s.ok()) {
    if (PyErr_Occurred()) return nullptr;
    return done_future(*asyncio, loop.get(), Response::failure(pending->request, std::move(s)));
  }
  {
    PendingRef turn[] = {pending};
    const GilReleased released;
    engine->submit_turn(turn);
  }
  if (pending->delivered()) return done_future(*asyncio, loop.get(), pending->take_response());
  Object future = waiting_future(*asyncio, loop.get(), pending);
  if (!future) {
    pending->cancel();
    return nullptr;
  }
  if (pending->hand_to_queue()) return future.release();
  return settle_loop_future(future.get(), pending->take_response()) ? future.release() : nullptr;
}

}  // namespace

PyObject* infer_async(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const GilHeld held;
  CallArgs call;
  if (!parse_call("infer_async", args, nargs, kwnames, call)) return nullptr;
  EngineHandle* handle = usable_handle(self);
  if (!handle) return nullptr;
  const EngineHandle::Use engine(*handle);  // before any Python code, which could close it
  try {
    return start(engine, call);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

}  // namespace mlops::python
