#pragma once
// The arguments that infer, submit and infer_async share, and the Request they mean. Needs the GIL.
//
//   (name, inputs, *, version=None, outputs=None, parameters=None, timeout=None, request_id=None)

#include "base/status.h"
#include "bindings/array_in.h"
#include "bindings/python.h"
#include "request/request.h"

namespace mlops::python {

// Borrowed references, null where the caller gave nothing or None.
struct CallArgs {
  PyObject* name = nullptr;
  PyObject* inputs = nullptr;
  PyObject* version = nullptr;
  PyObject* outputs = nullptr;
  PyObject* parameters = nullptr;
  PyObject* timeout = nullptr;
  PyObject* request_id = nullptr;
};

// Vectorcall arguments by name and position. False with TypeError set. `method` is for messages.
bool parse_call(const char* method, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                CallArgs& call);

// Fills an empty request, which then keeps every array and name alive.
Status build_request(const CallArgs& call, CopyMeter& copies, Request& request);

// Seconds from now, as Python callers give them; null means never.
Status deadline_from(PyObject* seconds, TimePoint& deadline);

}  // namespace mlops::python
