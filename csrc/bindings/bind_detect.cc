// The online detectors. Parameters are documented, and given their defaults, by the Python classes
// that derive from these (mlops_engine/drift/detectors.py). Calls keep the GIL: it is what guards a
// detector's state, and a value takes nanoseconds.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "bindings/bind.h"
#include "detect/adwin.h"
#include "detect/ddm.h"
#include "detect/ecdd.h"
#include "detect/eddm.h"
#include "detect/hddm_a.h"
#include "detect/hddm_w.h"
#include "detect/kswin.h"
#include "detect/page_hinkley.h"
#include "detect/stepd.h"

namespace mlops::python {
namespace {

namespace py = pybind11;
using Values = py::array_t<double, py::array::c_style | py::array::forcecast>;

template <Detector D>
std::vector<Verdict> verdicts_of(D& self, const Values& values) {
  if (values.ndim() != 1) throw_unless_ok(Status::invalid_argument("values must be a 1-d array"));
  const std::span<const double> span(values.data(), static_cast<std::size_t>(values.size()));
  std::vector<Verdict> verdicts(span.size());
  throw_unless_ok(update_many(self, span, std::span(verdicts)));
  return verdicts;
}

template <Detector D>
py::array_t<std::int64_t> alarms_of(D& self, const Values& values) {
  const std::vector<Verdict> verdicts = verdicts_of(self, values);
  std::vector<std::int64_t> alarms;
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    if (verdicts[i] == Verdict::drift) alarms.push_back(static_cast<std::int64_t>(i));
  return py::array_t<std::int64_t>(static_cast<py::ssize_t>(alarms.size()), alarms.data());
}

template <Detector D>
py::array_t<std::uint8_t> verdict_array_of(D& self, const Values& values) {
  const std::vector<Verdict> verdicts = verdicts_of(self, values);
  return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(verdicts.size()),
                                   reinterpret_cast<const std::uint8_t*>(verdicts.data()));
}

template <Detector D>
bool update(D& self, double value) {
  if (!in_domain(D::kDomain, value)) throw_unless_ok(refuse_value(D::kDomain, value));
  return self.update(value) == Verdict::drift;
}

template <Detector D>
D make(const typename D::Options& options) {
  Result<D> made = D::make(options);
  throw_unless_ok(made.status());
  return *std::move(made);
}

// The class without its constructor, which names the parameters.
template <Detector D>
py::class_<D> bind(py::module_& module, const char* name) {
  return py::class_<D>(module, name)
      .def("update", &update<D>, py::arg("value"))
      .def("update_many", &alarms_of<D>, py::arg("values"))
      .def("verdicts", &verdict_array_of<D>, py::arg("values"))
      .def("reset", [](D& self) { self.reset(); })
      .def_property_readonly("detected",
                             [](const D& self) { return self.verdict() == Verdict::drift; })
      .def_property_readonly("warning",
                             [](const D& self) { return self.verdict() == Verdict::warning; });
}

void bind_windows(py::module_& module) {
  bind<Adwin>(module, "Adwin")
      .def(py::init([](double delta, std::int64_t clock, std::int64_t max_buckets,
                       std::int64_t min_window_length, std::int64_t grace_period) {
        return make<Adwin>({delta, clock, max_buckets, min_window_length, grace_period});
      }))
      .def_property_readonly("width",
                             [](const Adwin& self) { return static_cast<long>(self.width()); })
      .def_property_readonly("mean", &Adwin::mean)
      .def_property_readonly("variance", &Adwin::variance);
  bind<Kswin>(module, "Kswin")
      .def(py::init([](double alpha, std::int64_t window_size, std::int64_t stat_size,
                       double min_distance, std::uint64_t seed) {
        return make<Kswin>({alpha, window_size, stat_size, min_distance, seed});
      }));
  bind<Stepd>(module, "Stepd")
      .def(py::init(
          [](double alpha_drift, double alpha_warning, std::int64_t window, bool two_sided) {
            return make<Stepd>({alpha_drift, alpha_warning, window, two_sided});
          }));
}

void bind_charts(py::module_& module) {
  bind<Ddm>(module, "Ddm")
      .def(py::init([](std::int64_t warm_start, double warning_threshold, double drift_threshold) {
        return make<Ddm>({warm_start, warning_threshold, drift_threshold});
      }));
  bind<Eddm>(module, "Eddm").def(py::init([](std::int64_t warm_start, double alpha, double beta) {
    return make<Eddm>({warm_start, alpha, beta});
  }));
  bind<HddmA>(module, "HddmA")
      .def(py::init([](double drift_confidence, double warning_confidence, bool two_sided) {
        return make<HddmA>({drift_confidence, warning_confidence, two_sided});
      }));
  bind<HddmW>(module, "HddmW")
      .def(py::init(
          [](double drift_confidence, double warning_confidence, double lambda, bool two_sided) {
            return make<HddmW>({drift_confidence, warning_confidence, lambda, two_sided});
          }));
  bind<Ecdd>(module, "Ecdd")
      .def(py::init([](double lambda, std::int64_t average_run_length, double warning_level,
                       std::int64_t min_instances) {
        return make<Ecdd>({lambda, average_run_length, warning_level, min_instances});
      }));
  bind<PageHinkley>(module, "PageHinkley")
      .def(py::init([](std::int64_t min_instances, double delta, double threshold, double alpha,
                       const std::string& mode) {
        PageHinkley::Options options{min_instances, delta, threshold, alpha, {}};
        if (mode != "up" && mode != "down" && mode != "both")
          throw_unless_ok(Status::invalid_argument("mode must be 'up', 'down' or 'both'"));
        options.mode = mode == "up"     ? PageHinkley::Mode::up
                       : mode == "down" ? PageHinkley::Mode::down
                                        : PageHinkley::Mode::both;
        return make<PageHinkley>(options);
      }));
}

}  // namespace

void bind_detect(py::module_& module) {
  bind_windows(module);
  bind_charts(module);
}

}  // namespace mlops::python
