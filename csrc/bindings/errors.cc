#include "bindings/errors.h"

#include <array>
#include <cassert>

namespace mlops::python {
namespace {

struct ErrorClass {
  Code code;
  const char* name;
};

constexpr std::array<ErrorClass, kCodes - 1> kErrorClasses{{
    {Code::invalid_argument, "InvalidArgument"},
    {Code::not_found, "NotFound"},
    {Code::already_exists, "AlreadyExists"},
    {Code::unavailable, "Unavailable"},
    {Code::resource_exhausted, "ResourceExhausted"},
    {Code::deadline_exceeded, "DeadlineExceeded"},
    {Code::cancelled, "Cancelled"},
    {Code::unimplemented, "Unimplemented"},
    {Code::internal, "Internal"},
}};

// By Code; filled once at import, never freed: extension modules are not unloaded.
std::array<PyObject*, kCodes> classes{};

}  // namespace

bool import_error_classes() {
  const Object module = Object::steal(PyImport_ImportModule("mlops_engine.errors"));
  if (!module) return false;
  for (const ErrorClass& entry : kErrorClasses) {
    PyObject* found = PyObject_GetAttrString(module.get(), entry.name);
    if (!found) return false;
    classes[static_cast<std::size_t>(entry.code)] = found;
  }
  return true;
}

Object make_exception(const Status& status) {
  assert(!status.ok());
  // Messages quote what clients sent, which need not be valid UTF-8.
  const Object message = Object::steal(PyUnicode_DecodeUTF8(
      status.message().data(), static_cast<Py_ssize_t>(status.message().size()), "replace"));
  if (!message) return {};
  return Object::steal(
      PyObject_CallOneArg(classes[static_cast<std::size_t>(status.code())], message.get()));
}

PyObject* raise(const Status& status) {
  if (PyErr_Occurred()) return nullptr;
  if (const Object exception = make_exception(status)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  }
  return nullptr;
}

}  // namespace mlops::python
