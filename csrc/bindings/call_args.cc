#include "bindings/call_args.h"

#include <array>
#include <cmath>
#include <string>

namespace mlops::python {
namespace {

struct Keyword {
  const char* text;
  PyObject* CallArgs::*member;
  PyObject* interned;  // made on first use; compared by address before by content
};

std::array<Keyword, 7> keywords{{
    {"name", &CallArgs::name, nullptr},
    {"inputs", &CallArgs::inputs, nullptr},
    {"version", &CallArgs::version, nullptr},
    {"outputs", &CallArgs::outputs, nullptr},
    {"parameters", &CallArgs::parameters, nullptr},
    {"timeout", &CallArgs::timeout, nullptr},
    {"request_id", &CallArgs::request_id, nullptr},
}};

const Keyword* find_keyword(PyObject* name) {
  for (Keyword& keyword : keywords) {
    if (!keyword.interned) keyword.interned = PyUnicode_InternFromString(keyword.text);
    if (keyword.interned == name) return &keyword;
  }
  for (const Keyword& keyword : keywords) {
    if (PyUnicode_CompareWithASCIIString(name, keyword.text) == 0) return &keyword;
  }
  return nullptr;
}

Status type_error(const char* what, PyObject* got) {
  PyErr_Format(PyExc_TypeError, "%s, not %s", what, Py_TYPE(got)->tp_name);
  return python_error();
}

Status read_text(PyObject* value, const char* complaint, std::string& out) {
  if (!PyUnicode_Check(value)) return type_error(complaint, value);
  std::string_view view;
  if (Status s = utf8_view(value, view); !s.ok()) return s;
  out.assign(view);
  return {};
}

Status read_version(PyObject* value, std::int64_t& version) {
  if (!PyLong_Check(value) || PyBool_Check(value))
    return type_error("version must be an int", value);
  int overflow = 0;
  version = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0 || version < 0) {
    return Status::invalid_argument("version must be between 0 and 2**63 - 1");
  }
  return {};
}

// `mapping` itself when it is a dict, else a copy of it as one.
Status as_dict(PyObject* mapping, const char* complaint, Object& dict) {
  if (PyDict_Check(mapping)) {
    dict = Object::borrow(mapping);
    return {};
  }
  if (!PyMapping_Check(mapping) || PyObject_HasAttrString(mapping, "keys") == 0) {
    return type_error(complaint, mapping);
  }
  dict = Object::steal(PyDict_New());
  if (!dict || PyDict_Update(dict.get(), mapping) < 0) return python_error();
  return {};
}

Status add_inputs(PyObject* mapping, CopyMeter& copies, Request& request) {
  Object dict;
  Status form = as_dict(mapping, "inputs must be a dict of input name to array", dict);
  if (!form.ok()) return form;
  PyObject* inputs = dict.get();
  request.inputs.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(inputs)));
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(inputs, &position, &key, &value)) {
    if (!PyUnicode_Check(key)) return type_error("names of inputs must be str", key);
    // An array-like may run Python code that changes the dict under us.
    const Object own_key = Object::borrow(key);
    const Object own_value = Object::borrow(value);
    if (Status s = add_input(key, value, copies, request); !s.ok()) return s;
  }
  return {};
}

Status add_outputs(PyObject* outputs, Request& request) {
  if (PyUnicode_Check(outputs) || !PySequence_Check(outputs)) {
    return type_error("outputs must be a list of output names", outputs);
  }
  Object names = Object::steal(PySequence_Tuple(outputs));
  if (!names) return python_error();
  const Py_ssize_t count = PyTuple_GET_SIZE(names.get());
  if (count == 0) return Status::invalid_argument("outputs is empty; None asks for all of them");
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names.get(), i);
    if (!PyUnicode_Check(name)) return type_error("names of outputs must be str", name);
    if (Status s = utf8_view(name, request.outputs.emplace_back()); !s.ok()) return s;
  }
  request.keep_alive.push_back(LentObject::lend(nullptr, 0, std::move(names)));
  return {};
}

Status read_integer(PyObject* value, ParameterValue& out) {
  int overflow = 0;
  const long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow == 0) {
    out = static_cast<std::int64_t>(small);
    return {};
  }
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(value) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    return Status::invalid_argument("a parameter's int must fit 64 bits");
  }
  out = static_cast<std::uint64_t>(large);
  return {};
}

Status read_parameter(PyObject* value, ParameterValue& out) {
  if (PyBool_Check(value)) {
    out = value == Py_True;
    return {};
  }
  if (PyLong_Check(value)) return read_integer(value, out);
  if (PyFloat_Check(value)) {
    out = PyFloat_AS_DOUBLE(value);
    return {};
  }
  std::string text;
  if (Status s = read_text(value, "a parameter must be bool, int, float or str", text); !s.ok()) {
    return s;
  }
  out = std::move(text);
  return {};
}

Status add_parameters(PyObject* mapping, Request& request) {
  Object dict;
  Status form = as_dict(mapping, "parameters must be a dict of name to value", dict);
  if (!form.ok()) return form;
  PyObject* parameters = dict.get();
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(parameters, &position, &key, &value)) {
    Parameter& parameter = request.parameters.emplace_back();
    Status s = read_text(key, "names of parameters must be str", parameter.name);
    if (s.ok()) s = read_parameter(value, parameter.value);
    if (!s.ok()) return s;
  }
  return {};
}

PyObject* given(PyObject* value) { return value == Py_None ? nullptr : value; }

}  // namespace

bool parse_call(const char* method, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                CallArgs& call) {
  if (nargs > 2) {
    PyErr_Format(PyExc_TypeError, "%s() takes 2 positional arguments (name, inputs), not %zd",
                 method, nargs);
    return false;
  }
  if (nargs > 0) call.name = args[0];
  if (nargs > 1) call.inputs = args[1];
  const Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, i);
    const Keyword* keyword = find_keyword(name);
    if (!keyword || call.*keyword->member) {
      PyErr_Format(PyExc_TypeError,
                   keyword ? "%s() got two values for '%U'" : "%s() has no argument '%U'", method,
                   name);
      return false;
    }
    call.*keyword->member =
        keyword->member == &CallArgs::name || keyword->member == &CallArgs::inputs
            ? args[nargs + i]
            : given(args[nargs + i]);
  }
  if (!call.name || !call.inputs) {
    PyErr_Format(PyExc_TypeError, "%s() needs the argument '%s'", method,
                 call.name ? "inputs" : "name");
    return false;
  }
  return true;
}

Status deadline_from(PyObject* seconds, TimePoint& deadline) {
  deadline = kNever;
  if (!seconds) return {};
  const double value = PyFloat_AsDouble(seconds);
  if (value == -1.0 && PyErr_Occurred()) return python_error();
  if (std::isnan(value) || value < 0) {
    return Status::invalid_argument("timeout must be a number of seconds, zero or more");
  }
  constexpr double kForever = 1e9;  // 31 years: beyond it, adding would overflow the clock
  if (value < kForever) {
    deadline = std::chrono::steady_clock::now() +
               std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1e9));
  }
  return {};
}

Status build_request(const CallArgs& call, CopyMeter& copies, Request& request) {
  request.inputs_may_change = true;  // the caller's arrays
  if (Status s = read_text(call.name, "the model's name must be a str", request.model); !s.ok()) {
    return s;
  }
  if (call.version) {
    if (Status s = read_version(call.version, request.version); !s.ok()) return s;
  }
  if (call.timeout) {
    if (Status s = deadline_from(call.timeout, request.deadline); !s.ok()) return s;
  }
  if (call.request_id) {
    if (Status s = read_text(call.request_id, "request_id must be a str", request.id); !s.ok()) {
      return s;
    }
  }
  if (Status s = add_inputs(call.inputs, copies, request); !s.ok()) return s;
  if (call.outputs) {
    if (Status s = add_outputs(call.outputs, request); !s.ok()) return s;
  }
  if (call.parameters) return add_parameters(call.parameters, request);
  return {};
}

}  // namespace mlops::python
