#include "bindings/array_out.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "bindings/dtypes.h"
#include "bindings/gil.h"
#include "bindings/string_arrays.h"

namespace mlops::python {
namespace {

// Nameless: comparing names would be a measurable part of giving a small array back.
constexpr const char* kCapsuleName = nullptr;

void drop_buffer(PyObject* capsule) {
  const GilHeld held;
  Buffer::adopt(static_cast<BufferBlock*>(PyCapsule_GetPointer(capsule, kCapsuleName)));
}

// Names of outputs come back with every response: a small cache saves making and hashing the str
// again. An entry is used only when its text is equal, so where the view pointed does not matter.
PyObject* output_name(std::string_view name) {
  constexpr std::size_t kSlots = 64;
  struct Slot {
    PyObject* text = nullptr;
    std::string_view utf8;  // of `text`, which caches it
  };
  static std::array<Slot, kSlots> slots;
  Slot& slot = slots[(reinterpret_cast<std::uintptr_t>(name.data()) >> 4) % kSlots];
  if (slot.text && slot.utf8 == name) return Py_NewRef(slot.text);
  Object text = Object::steal(
      PyUnicode_DecodeUTF8(name.data(), static_cast<Py_ssize_t>(name.size()), "surrogateescape"));
  if (!text || PyObject_Hash(text.get()) == -1) return nullptr;
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text.get(), &size);
  if (!utf8) {
    PyErr_Clear();  // not UTF-8: cannot be compared, so not kept
    return text.release();
  }
  slot.utf8 = {utf8, static_cast<std::size_t>(size)};
  Py_XSETREF(slot.text, Py_NewRef(text.get()));
  return text.release();
}

PyObject* array_of(Tensor&& tensor) {
  if (tensor.dtype == DType::bytes) return decode_strings(tensor);
  PyArray_Descr* descr = descr_of(tensor.dtype);
  if (!descr) return nullptr;
  npy_intp dims[kMaxRank];
  const auto rank = static_cast<int>(tensor.shape.rank());
  std::ranges::copy(tensor.shape.dims(), dims);
  // An empty tensor may come without memory; NumPy then brings its own byte.
  void* data = tensor.bytes.empty() ? nullptr : const_cast<std::byte*>(tensor.bytes.data());
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % size_of(tensor.dtype) == 0;
  const int flags = NPY_ARRAY_C_CONTIGUOUS | (aligned ? NPY_ARRAY_ALIGNED : 0);
  Object owner = Object::steal(PyArray_NewFromDescr(&PyArray_Type, descr, rank, dims, nullptr, data,
                                                    data ? flags : 0, nullptr));
  if (!owner) return nullptr;
  auto* array = reinterpret_cast<PyArrayObject*>(owner.get());
  PyArray_CLEARFLAGS(array, NPY_ARRAY_WRITEABLE);
  if (!data) return owner.release();
  if (!tensor.owner) {
    PyErr_SetString(PyExc_SystemError, "an output of the engine has no owner");
    return nullptr;
  }
  PyObject* base = PyCapsule_New(tensor.owner.get(), kCapsuleName, drop_buffer);
  if (!base) return nullptr;
  static_cast<void>(tensor.owner.release());  // the capsule's now
  if (PyArray_SetBaseObject(array, base) < 0) return nullptr;
  return owner.release();
}

}  // namespace

PyObject* outputs_to_dict(Response&& response) {
  Object outputs = Object::steal(PyDict_New());
  if (!outputs) return nullptr;
  for (NamedTensor& output : response.outputs) {
    const Object name = Object::steal(output_name(output.name));
    if (!name) return nullptr;
    const Object array = Object::steal(array_of(std::move(output.tensor)));
    if (!array || PyDict_SetItem(outputs.get(), name.get(), array.get()) < 0) return nullptr;
  }
  return outputs.release();
}

}  // namespace mlops::python
