#pragma once
// A response becomes a future's result or exception. GIL held. False with a Python error set when
// the future would not take it; one that was cancelled is no error.

#include "bindings/python.h"
#include "request/request.h"

namespace mlops::python {

bool settle_thread_future(PyObject* future, Response&& response);  // concurrent.futures
bool settle_loop_future(PyObject* future, Response&& response);    // asyncio

// The same for a future that nobody else has seen yet, of either kind.
bool set_outcome(PyObject* future, Response&& response);

}  // namespace mlops::python
