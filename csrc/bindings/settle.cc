#include "bindings/settle.h"

#include "bindings/array_out.h"
#include "bindings/errors.h"

namespace mlops::python {
namespace {

PyObject* interned(const char* text, PyObject*& slot) {
  if (!slot) slot = PyUnicode_InternFromString(text);
  return slot;
}

// Otherwise future and request would keep each other, and the inputs, alive.
bool forget_request(PyObject* future) {
  static PyObject* name = nullptr;
  return PyObject_SetAttr(future, interned("_pending", name), Py_None) == 0;
}

// The error that is set, as an exception instance.
Object taken_error() {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return Object::steal(value);
}

// future.`method`() as a truth value; -1 with a Python error set.
int ask(PyObject* future, PyObject* method) {
  const Object answer = Object::steal(PyObject_CallMethodNoArgs(future, method));
  return answer ? PyObject_IsTrue(answer.get()) : -1;
}

}  // namespace

bool set_outcome(PyObject* future, Response&& response) {
  static PyObject* set_result = nullptr;
  static PyObject* set_exception = nullptr;
  Object outcome;
  bool good = response.status.ok();
  if (good) {
    outcome = Object::steal(outputs_to_dict(std::move(response)));
    good = static_cast<bool>(outcome);
    if (!good) outcome = taken_error();
  } else {
    outcome = make_exception(response.status);
  }
  if (!outcome) return false;
  PyObject* method =
      good ? interned("set_result", set_result) : interned("set_exception", set_exception);
  return static_cast<bool>(Object::steal(PyObject_CallMethodOneArg(future, method, outcome.get())));
}

bool settle_thread_future(PyObject* future, Response&& response) {
  static PyObject* name = nullptr;
  if (!forget_request(future)) return false;
  // False for a cancelled future, whose waiters this call tells.
  const int wanted = ask(future, interned("set_running_or_notify_cancel", name));
  return wanted > 0 ? set_outcome(future, std::move(response)) : wanted == 0;
}

bool settle_loop_future(PyObject* future, Response&& response) {
  static PyObject* name = nullptr;
  if (!forget_request(future)) return false;
  const int done = ask(future, interned("done", name));
  return done == 0 ? set_outcome(future, std::move(response)) : done > 0;
}

}  // namespace mlops::python
