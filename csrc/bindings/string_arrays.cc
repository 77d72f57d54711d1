#include "bindings/string_arrays.h"

#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include "bindings/array_in.h"
#include "tensor/byte_strings.h"

namespace mlops::python {
namespace {

constexpr std::size_t kPrefix = sizeof(std::uint32_t);

std::string element_name(std::string_view name, npy_intp index) {
  return "element " + std::to_string(index) + " of input '" + std::string(name) + "'";
}

// The bytes of one element, valid while the object lives. A str keeps its UTF-8 form cached.
Status element_view(std::string_view name, npy_intp index, PyObject* element,
                    std::string_view& out) {
  if (element && PyBytes_Check(element)) {
    out = {PyBytes_AS_STRING(element), static_cast<std::size_t>(PyBytes_GET_SIZE(element))};
  } else if (element && PyUnicode_Check(element)) {
    Py_ssize_t size = 0;
    const char* utf8 = PyUnicode_AsUTF8AndSize(element, &size);
    if (!utf8) {
      if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return python_error();
      PyErr_Clear();
      return Status::invalid_argument(element_name(name, index) +
                                      " holds characters that have no UTF-8 form");
    }
    out = {utf8, static_cast<std::size_t>(size)};
  } else {
    return Status::invalid_argument(element_name(name, index) + " is a " +
                                    (element ? Py_TYPE(element)->tp_name : "NULL") +
                                    "; a text input takes str or bytes");
  }
  if (out.size() > std::numeric_limits<std::uint32_t>::max()) {
    return Status::invalid_argument(element_name(name, index) + " is longer than 4 GiB");
  }
  return {};
}

// A dense array of objects: fixed-width text is cut at its padding by NumPy's own conversion.
Object as_objects(PyArrayObject* array) {
  return Object::steal(
      PyArray_FromArray(array, PyArray_DescrFromType(NPY_OBJECT),
                        NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST | NPY_ARRAY_ENSUREARRAY));
}

}  // namespace

Status encode_strings(std::string_view name, PyArrayObject* array, CopyMeter& copies, Tensor& out) {
  const Object owner = as_objects(array);
  if (!owner) return python_error();
  auto* objects = reinterpret_cast<PyArrayObject*>(owner.get());
  auto* const* elements = static_cast<PyObject* const*>(PyArray_DATA(objects));
  const npy_intp count = PyArray_SIZE(objects);
  std::size_t total = 0;
  for (npy_intp i = 0; i < count; ++i) {
    std::string_view text;
    if (Status s = element_view(name, i, elements[i], text); !s.ok()) return s;
    total += kPrefix + text.size();
  }
  Buffer buffer = allocate_buffer(total);
  if (!buffer) return Status::resource_exhausted("no memory for the text of a request");
  std::byte* to = buffer->data();
  for (npy_intp i = 0; i < count; ++i) {
    std::string_view text;
    if (Status s = element_view(name, i, elements[i], text); !s.ok()) return s;
    const auto length = static_cast<std::uint32_t>(text.size());
    std::memcpy(to, &length, kPrefix);
    std::memcpy(to + kPrefix, text.data(), text.size());
    to += kPrefix + text.size();
  }
  copies.add(CopySite::python_strings, total);
  out.bytes = {buffer->data(), total};
  out.owner = std::move(buffer);
  return {};
}

PyObject* decode_strings(const Tensor& tensor) {
  npy_intp dims[kMaxRank];
  for (std::size_t axis = 0; axis < tensor.shape.rank(); ++axis) dims[axis] = tensor.shape[axis];
  Object owner =
      Object::steal(PyArray_SimpleNew(static_cast<int>(tensor.shape.rank()), dims, NPY_OBJECT));
  if (!owner) return nullptr;
  auto* array = reinterpret_cast<PyArrayObject*>(owner.get());
  auto* elements = static_cast<PyObject**>(PyArray_DATA(array));
  ByteStringReader reader(tensor.bytes);
  const npy_intp count = PyArray_SIZE(array);
  for (npy_intp i = 0; i < count; ++i) {
    const std::optional<std::string_view> text = reader.next();
    if (!text) {
      PyErr_SetString(PyExc_SystemError, "a text output holds fewer elements than its shape says");
      return nullptr;
    }
    PyObject* element =
        PyBytes_FromStringAndSize(text->data(), static_cast<Py_ssize_t>(text->size()));
    if (!element) return nullptr;
    Py_XSETREF(elements[i], element);
  }
  PyArray_CLEARFLAGS(array, NPY_ARRAY_WRITEABLE);
  return owner.release();
}

}  // namespace mlops::python
