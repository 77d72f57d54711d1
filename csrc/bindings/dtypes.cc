#include "bindings/dtypes.h"

#include <array>
#include <cstring>

#include "bindings/errors.h"

namespace mlops::python {
namespace {

constexpr int kBuiltinTypes = NPY_HALF + 1;

constexpr std::optional<DType> integer(std::size_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? DType::i8 : DType::u8;
    case 2:
      return is_signed ? DType::i16 : DType::u16;
    case 4:
      return is_signed ? DType::i32 : DType::u32;
    default:
      return is_signed ? DType::i64 : DType::u64;
  }
}

// C's integer types overlap in size: `long` and `long long` are both int64 here.
constexpr std::array<std::optional<DType>, kBuiltinTypes> builtin_types() {
  std::array<std::optional<DType>, kBuiltinTypes> table{};
  table[NPY_BOOL] = DType::boolean;
  table[NPY_BYTE] = integer(sizeof(npy_byte), true);
  table[NPY_UBYTE] = integer(sizeof(npy_ubyte), false);
  table[NPY_SHORT] = integer(sizeof(npy_short), true);
  table[NPY_USHORT] = integer(sizeof(npy_ushort), false);
  table[NPY_INT] = integer(sizeof(npy_int), true);
  table[NPY_UINT] = integer(sizeof(npy_uint), false);
  table[NPY_LONG] = integer(sizeof(npy_long), true);
  table[NPY_ULONG] = integer(sizeof(npy_ulong), false);
  table[NPY_LONGLONG] = integer(sizeof(npy_longlong), true);
  table[NPY_ULONGLONG] = integer(sizeof(npy_ulonglong), false);
  table[NPY_HALF] = DType::f16;
  table[NPY_FLOAT] = DType::f32;
  table[NPY_DOUBLE] = DType::f64;
  table[NPY_OBJECT] = DType::bytes;
  table[NPY_STRING] = DType::bytes;
  table[NPY_UNICODE] = DType::bytes;
  return table;
}

constexpr auto kBuiltin = builtin_types();

PyArray_Descr* bfloat16_descr() {
  static PyArray_Descr* descr = nullptr;  // kept for good, as NumPy keeps its own
  if (!descr) {
    const Object module = Object::steal(PyImport_ImportModule("ml_dtypes"));
    if (!module) {
      if (!PyErr_ExceptionMatches(PyExc_ImportError)) return nullptr;
      PyErr_Clear();
      raise(Status::unimplemented("a BF16 tensor needs the package ml_dtypes, which is not here"));
      return nullptr;
    }
    const Object type = Object::steal(PyObject_GetAttrString(module.get(), "bfloat16"));
    if (!type || !PyArray_DescrConverter(type.get(), &descr)) return nullptr;
  }
  return reinterpret_cast<PyArray_Descr*>(Py_NewRef(reinterpret_cast<PyObject*>(descr)));
}

bool is_bfloat16(PyArray_Descr* descr) {
  const char* name = descr->typeobj->tp_name;
  const char* dot = std::strrchr(name, '.');
  return std::strcmp(dot ? dot + 1 : name, "bfloat16") == 0 && PyDataType_ELSIZE(descr) == 2;
}

}  // namespace

std::optional<DType> dtype_of(PyArray_Descr* descr) {
  const int type = descr->type_num;
  if (type >= 0 && type < kBuiltinTypes) return kBuiltin[static_cast<std::size_t>(type)];
  if (descr->kind == 'T') return DType::bytes;  // NumPy 2's variable-width strings
  if (type >= NPY_USERDEF && is_bfloat16(descr)) return DType::bf16;
  return std::nullopt;
}

PyArray_Descr* descr_of(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return PyArray_DescrFromType(NPY_BOOL);
    case DType::u8:
      return PyArray_DescrFromType(NPY_UINT8);
    case DType::u16:
      return PyArray_DescrFromType(NPY_UINT16);
    case DType::u32:
      return PyArray_DescrFromType(NPY_UINT32);
    case DType::u64:
      return PyArray_DescrFromType(NPY_UINT64);
    case DType::i8:
      return PyArray_DescrFromType(NPY_INT8);
    case DType::i16:
      return PyArray_DescrFromType(NPY_INT16);
    case DType::i32:
      return PyArray_DescrFromType(NPY_INT32);
    case DType::i64:
      return PyArray_DescrFromType(NPY_INT64);
    case DType::f16:
      return PyArray_DescrFromType(NPY_HALF);
    case DType::f32:
      return PyArray_DescrFromType(NPY_FLOAT32);
    case DType::f64:
      return PyArray_DescrFromType(NPY_FLOAT64);
    case DType::bf16:
      return bfloat16_descr();
    case DType::bytes:
      return PyArray_DescrFromType(NPY_OBJECT);
  }
  PyErr_SetString(PyExc_SystemError, "an element type without a NumPy type");
  return nullptr;
}

std::string descr_name(PyArray_Descr* descr) {
  const Object text = Object::steal(PyObject_Str(reinterpret_cast<PyObject*>(descr)));
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (!utf8) {
    PyErr_Clear();
    return "?";
  }
  return utf8;
}

}  // namespace mlops::python
