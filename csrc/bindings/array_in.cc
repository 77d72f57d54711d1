#include "bindings/array_in.h"

#include <string>

#include "bindings/dtypes.h"
#include "bindings/string_arrays.h"

namespace mlops::python {
namespace {

std::string type_name(PyObject* object) { return Py_TYPE(object)->tp_name; }

std::string about_input(std::string_view name, std::string what) {
  return "input '" + std::string(name) + "' " + std::move(what);
}

bool is_masked(PyObject* array) {
  // Nobody holds a masked array unless numpy.ma has been imported.
  PyObject* modules = PyImport_GetModuleDict();
  PyObject* ma = PyDict_GetItemString(modules, "numpy.ma");
  if (!ma) return false;
  const Object type = Object::steal(PyObject_GetAttrString(ma, "MaskedArray"));
  const int is = type ? PyObject_IsInstance(array, type.get()) : -1;
  if (is < 0) PyErr_Clear();
  return is > 0;
}

bool has(PyObject* value, const char* attribute) {
  return PyObject_HasAttrString(value, attribute) == 1;
}

bool is_container_or_number(PyObject* value) {
  return PyList_Check(value) || PyTuple_Check(value) || PyUnicode_Check(value) ||
         PyBytes_Check(value) || PyByteArray_Check(value) || PyLong_Check(value) ||
         PyFloat_Check(value);
}

// What is no exact ndarray: subclasses, NumPy scalars, and other libraries' arrays through the
// protocols that say an element type. A list has none, and NumPy's guess (float64, int64) is rarely
// the model's, so it is refused here rather than one step later in less helpful words.
Status as_array(std::string_view name, PyObject* value, Object& array) {
  if (PyArray_Check(value)) {
    if (is_masked(value)) {
      return Status::invalid_argument(about_input(
          name, "is a masked array, whose mask the model would not see; pass .filled(value)"));
    }
    array = Object::borrow(value);
    return {};
  }
  const bool numpy_like = PyArray_IsScalar(value, Generic) || has(value, "__array__") ||
                          has(value, "__array_interface__");
  if (numpy_like || (PyObject_CheckBuffer(value) && !is_container_or_number(value))) {
    array = Object::steal(PyArray_FromAny(value, nullptr, 0, 0, 0, nullptr));
    return array ? Status() : python_error();
  }
  if (has(value, "__dlpack__")) {
    const Object numpy = Object::steal(PyImport_ImportModule("numpy"));
    array = Object::steal(numpy ? PyObject_CallMethod(numpy.get(), "from_dlpack", "O", value)
                                : nullptr);
    return array ? Status() : python_error();
  }
  return Status::invalid_argument(
      about_input(name, "is a " + type_name(value) +
                            ", which has no element type; pass a NumPy array, for example "
                            "numpy.asarray(value, dtype=numpy.float32)"));
}

// A dense copy in the machine's byte order; null with a Python error set.
Object compact(PyArrayObject* array, CopyMeter& copies) {
  PyArray_Descr* descr = PyArray_DESCR(array);
  if (PyArray_ISNOTSWAPPED(array)) {
    Py_INCREF(descr);
  } else {
    descr = PyArray_DescrNewByteorder(descr, NPY_NATIVE);
    if (!descr) return {};
  }
  Object dense =
      Object::steal(PyArray_FromArray(array, descr, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_ENSUREARRAY));
  if (dense) {
    copies.add(CopySite::python_compact, static_cast<std::size_t>(PyArray_NBYTES(array)));
  }
  return dense;
}

Status describe_array(std::string_view name, PyArrayObject* array, Tensor& tensor) {
  const std::optional<DType> dtype = dtype_of(PyArray_DESCR(array));
  if (!dtype) {
    return Status::invalid_argument(about_input(
        name, "has dtype " + descr_name(PyArray_DESCR(array)) + ", which no model can take"));
  }
  const auto rank = static_cast<std::size_t>(PyArray_NDIM(array));
  if (rank > kMaxRank) {
    return Status::invalid_argument(
        about_input(name, "has " + std::to_string(rank) + " dimensions; at most " +
                              std::to_string(kMaxRank) + " can be served"));
  }
  tensor.dtype = *dtype;
  const npy_intp* dims = PyArray_DIMS(array);
  for (std::size_t axis = 0; axis < rank; ++axis) tensor.shape.push_back(dims[axis]);
  return {};
}

}  // namespace

LentObject::LentObject(std::byte* data, std::size_t size, Object first, Object second)
    : BufferBlock(data, size), first_(std::move(first)), second_(std::move(second)) {}

Buffer LentObject::lend(const void* data, std::size_t size, Object first, Object second) {
  // The engine writes only to buffers that it allocated itself.
  auto* bytes = static_cast<std::byte*>(const_cast<void*>(data));
  return Buffer::adopt(new LentObject(bytes, size, std::move(first), std::move(second)));
}

Status utf8_view(PyObject* text, std::string_view& out) {
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (!utf8) {
    if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) return python_error();
    PyErr_Clear();
    return Status::invalid_argument("a name holds characters that have no UTF-8 form");
  }
  out = {utf8, static_cast<std::size_t>(size)};
  return {};
}

Status add_input(PyObject* name, PyObject* value, CopyMeter& copies, Request& request) {
  NamedTensor& input = request.inputs.emplace_back();
  if (Status s = utf8_view(name, input.name); !s.ok()) return s;
  Object owner;
  if (PyArray_CheckExact(value)) {
    owner = Object::borrow(value);
  } else if (Status s = as_array(input.name, value, owner); !s.ok()) {
    return s;
  }
  auto* array = reinterpret_cast<PyArrayObject*>(owner.get());
  Tensor& tensor = input.tensor;
  if (Status s = describe_array(input.name, array, tensor); !s.ok()) return s;
  if (tensor.dtype == DType::bytes) {
    request.keep_alive.push_back(LentObject::lend(nullptr, 0, Object::borrow(name)));
    return encode_strings(input.name, array, copies, tensor);
  }
  if (!PyArray_ISCARRAY_RO(array)) {
    owner = compact(array, copies);
    if (!owner) return python_error();
    array = reinterpret_cast<PyArrayObject*>(owner.get());
  }
  const auto* data = static_cast<const std::byte*>(PyArray_DATA(array));
  const auto size = static_cast<std::size_t>(PyArray_NBYTES(array));
  tensor.bytes = {data, size};
  tensor.owner = LentObject::lend(data, size, std::move(owner), Object::borrow(name));
  return {};
}

}  // namespace mlops::python
