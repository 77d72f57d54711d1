// What shadows are compared by, for Python: answers of two versions in, the shadow's report out.
// mlops_engine/replay.py replays recorded requests with it.

#include <pybind11/pybind11.h>

#include <memory>

#include "bindings/array_in.h"
#include "bindings/bind.h"
#include "bindings/describe.h"
#include "route/shadow_log.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

struct AnswerComparison {
  explicit AnswerComparison(std::int64_t the_version) : version(the_version) {}
  std::int64_t version;
  ShadowLog log;
  CopyMeter copies;
};

// The request owns what its inputs point to; here they are the outputs of a version.
Request outputs_in(AnswerComparison& self, const py::dict& arrays) {
  Request held;
  for (const auto& [name, array] : arrays) {
    const Status status = add_input(name.ptr(), array.ptr(), self.copies, held);
    if (PyErr_Occurred()) throw py::error_already_set();
    throw_unless_ok(status);
  }
  return held;
}

void compare(AnswerComparison& self, const std::string& id, const py::dict& primary,
             const py::dict& candidate, std::uint64_t primary_ns, std::uint64_t candidate_ns) {
  const Request before = outputs_in(self, primary);
  const Request now = outputs_in(self, candidate);
  self.log.offered();
  self.log.compare(id, before.inputs, now.inputs, primary_ns, candidate_ns);
}

void failed(AnswerComparison& self, const std::string& why) {
  self.log.offered();
  self.log.failed(Status::internal(why));
}

py::dict status(const AnswerComparison& self) {
  ShadowStatus seen = self.log.status();
  seen.version = self.version;
  return describe(seen);
}

}  // namespace

void bind_comparison(py::module_& module) {
  py::class_<AnswerComparison>(module, "AnswerComparison")
      .def(py::init<std::int64_t>(), py::arg("version"))
      .def("compare", &compare, py::arg("request_id"), py::arg("primary"), py::arg("candidate"),
           py::arg("primary_ns") = 0, py::arg("candidate_ns") = 0)
      .def("failed", &failed, py::arg("why"))
      .def("status", &status);
}

}  // namespace mlops::python
