#pragma once
// Python's and NumPy's C APIs as every file of this folder sees them. NumPy's table of functions is
// loaded by import_numpy() in numpy_api.cc, not at import: a command-line tool that never makes an
// engine does not pay for NumPy. The build defines PY_SSIZE_T_CLEAN, before any Python.h.

#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL mlops_numpy_api
#ifndef MLOPS_DEFINES_NUMPY_API
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include <utility>

namespace mlops::python {

// False with a Python error set. Call with the GIL held; cheap after the first time.
bool import_numpy();

// A strong reference. Every use needs the GIL.
class Object {
 public:
  Object() = default;
  static Object steal(PyObject* object) { return Object(object); }
  static Object borrow(PyObject* object) { return Object(Py_XNewRef(object)); }
  Object(Object&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Object& operator=(Object&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Object() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  explicit Object(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

}  // namespace mlops::python
