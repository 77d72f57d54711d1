#include <pybind11/stl.h>

#include "bindings/describe.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

void put_ratio(py::dict& into, const char* key, std::uint64_t part, std::uint64_t whole) {
  if (whole > 0) into[key] = static_cast<double>(part) / static_cast<double>(whole);
}

py::dict describe(const std::string& name, const OutputComparison& sum) {
  py::dict out(py::arg("name") = name, py::arg("answers") = sum.answers,
               py::arg("unlike") = sum.unlike, py::arg("equal") = sum.equal,
               py::arg("values") = sum.values, py::arg("within_tolerance") = sum.within,
               py::arg("not_finite") = sum.not_finite);
  if (sum.values > 0) {
    out["difference_mean"] = sum.difference_sum / static_cast<double>(sum.values);
    out["difference_max"] = sum.difference_max;
  }
  put_ratio(out, "best_same", sum.best_same, sum.ranked_rows);
  put_ratio(out, "best_5_shared", sum.best_shared, sum.best_possible);
  put_ratio(out, "order_same", sum.pairs_same, sum.pairs);
  out["distribution_distance"] = sum.distance();
  return out;
}

}  // namespace

py::dict describe(const ShadowStatus& shadow) {
  py::list outputs;
  for (const auto& [name, sum] : shadow.outputs) outputs.append(describe(name, sum));
  py::list worst;
  for (const Disagreement& seen : shadow.worst) {
    worst.append(py::dict(py::arg("request_id") = seen.request_id, py::arg("output") = seen.output,
                          py::arg("difference") = seen.difference,
                          py::arg("primary") = seen.primary, py::arg("shadow") = seen.shadow));
  }
  return py::dict(
      py::arg("version") = shadow.version, py::arg("offered") = shadow.offered,
      py::arg("compared") = shadow.compared, py::arg("failed") = shadow.failed,
      py::arg("dropped_busy") = shadow.dropped_busy, py::arg("dropped_full") = shadow.dropped_full,
      py::arg("primary_ns") = shadow.primary_ns, py::arg("shadow_ns") = shadow.shadow_ns,
      py::arg("last_failure") = shadow.last_failure, py::arg("outputs") = outputs,
      py::arg("worst") = worst);
}

}  // namespace mlops::python
