#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bindings/call_args.h"
#include "bindings/gate.h"
#include "bindings/with_engine.h"
#include "execute/echo_backend.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

// A model that answers with its input.
void load_echo(EngineHandle& self, const std::string& name, const std::string& dtype,
               const std::vector<std::int64_t>& dims, std::int64_t version, unsigned lanes,
               const std::shared_ptr<Gate>& gate) {
  const std::optional<DType> element = dtype_from_kserve(dtype);
  if (!element) throw_unless_ok(Status::invalid_argument("no element type " + dtype));
  const std::vector<std::string> symbols(dims.size());
  Signature signature;
  signature.inputs.push_back({"input", *element, dims, symbols, true});
  signature.outputs.push_back({"output", *element, dims, symbols, true});
  auto backend = make_echo_backend(std::move(signature));
  throw_unless_ok(backend.status());
  if (gate) backend = behind_gate(*std::move(backend), gate);
  ModelSource source;
  source.name = name;
  source.version = version;
  source.path = "echo";
  source.lanes = lanes;
  throw_unless_ok(with_engine(
      self, [&](const auto& engine) { return engine->load(source, *std::move(backend)); }));
}

// Nanoseconds that `repeats` calls of Engine::infer with these inputs take together, the request
// built anew each time as an embedding C++ program would: the other side of
// bench/python_overhead.py.
std::int64_t time_calls(EngineHandle& handle, const py::str& name, const py::dict& inputs,
                        std::size_t repeats) {
  const GilHeld held;
  throw_unless_ok(handle.usable());
  const EngineHandle::Use engine(handle);
  CallArgs call;
  call.name = name.ptr();
  call.inputs = inputs.ptr();
  Request original;
  throw_unless_ok(build_request(call, engine->copies(), original));
  Status status;
  TimePoint begin;
  TimePoint end;
  {
    const GilReleased released;
    begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < repeats && status.ok(); ++i) {
      Request request;
      request.model = original.model;
      request.inputs = original.inputs;
      status = engine->infer(std::move(request)).status;
    }
    end = std::chrono::steady_clock::now();
  }
  throw_unless_ok(status);
  return (end - begin).count();
}

// For the test that walks all codes.
void raise_code(const std::string& code, const std::string& message) {
  for (std::uint8_t i = 1; i <= static_cast<std::uint8_t>(Code::internal); ++i) {
    const auto candidate = static_cast<Code>(i);
    if (code_name(candidate) == code) throw_unless_ok(Status(candidate, message));
  }
}

}  // namespace

void bind_test_hooks(py::module_& module, py::class_<EngineHandle>& engine) {
  py::class_<Gate, std::shared_ptr<Gate>>(module, "Gate")
      .def(py::init<>())
      .def("close", &Gate::close)
      // Keeps the GIL: a daemon thread that came back for it while Python ends would be unwound
      // through pybind11's frames, which may not throw.
      .def("open", &Gate::open)
      .def(
          "wait_for_arrivals",
          [](Gate& self, int count) {
            const GilHeld held;
            const GilReleased released;
            self.wait_for_arrivals(count);
          },
          py::arg("count") = 1);
  engine
      .def("_load_echo", &load_echo, py::arg("name"), py::arg("dtype"), py::arg("dims"),
           py::arg("version") = 1, py::arg("lanes") = 0, py::arg("gate") = nullptr)
      .def("_time_calls", &time_calls);
  module.def("raise_code", &raise_code);
}

}  // namespace mlops::python
