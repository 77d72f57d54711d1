// What an engine of this process counted of a watched version, as a server hands it out.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <optional>

#include "bindings/bind.h"
#include "bindings/drift_alerts_out.h"
#include "bindings/drift_statistics.h"
#include "bindings/with_engine.h"
#include "observe/profile_bytes.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

constexpr double kSpanSecondsMax = 366.0 * 86400;

std::optional<Duration> span_of(const std::optional<double>& seconds) {
  if (!seconds) return std::nullopt;
  if (!(*seconds > 0) || *seconds > kSpanSecondsMax) {
    throw_unless_ok(Status::invalid_argument("a window is longer than nothing, a year at most"));
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
}

py::bytes profile(EngineHandle& self, const std::string& name, std::int64_t version,
                  const std::optional<double>& seconds) {
  const std::optional<Duration> span = span_of(seconds);
  std::string bytes;
  const Status status = with_engine(self, [&](const auto& engine) {
    Result<DriftSnapshot> seen = engine->drift(name, version, span);
    if (!seen.ok()) return seen.status();
    if (!seen->reference) {
      return Status::unavailable("rows are collected (" + std::to_string(seen->rows_collected) +
                                 " so far), and there is no reference yet");
    }
    bytes = profile_bytes({seen->reference, std::move(seen->window.counts)});
    return Status();
  });
  throw_unless_ok(status);
  return py::bytes(bytes);
}

py::dict alerts(EngineHandle& self, const std::string& name, std::int64_t version,
                std::uint64_t after) {
  const Result<JudgeView> view = with_engine(
      self, [&](const auto& engine) { return engine->drift_alerts(name, version, after); });
  throw_unless_ok(view.status());
  return drift_alerts_out(*view);
}

void use_statistics(EngineHandle& self, const std::string& name, std::int64_t version,
                    const std::vector<StatisticSpec>& specs) {
  throw_unless_ok(with_engine(self, [&](const auto& engine) {
    return engine->use_statistics(name, version, statistics_in(specs));
  }));
}

py::list user_statistics(EngineHandle& self, const std::string& name, std::int64_t version) {
  const Result<StatisticSnapshot> seen =
      with_engine(self, [&](const auto& engine) { return engine->user_statistics(name, version); });
  throw_unless_ok(seen.status());
  return seen->statistics ? statistics_out(*seen->statistics, seen->sums) : py::list();
}

template <Status (Engine::*How)(const std::string&, std::int64_t)>
void change(EngineHandle& self, const std::string& name, std::int64_t version) {
  throw_unless_ok(with_engine(
      self, [&](const auto& engine) { return (engine.operator->()->*How)(name, version); }));
}

}  // namespace

void bind_engine_drift(py::class_<EngineHandle>& engine) {
  engine.def("_drift_profile", &profile, py::arg("name"), py::arg("version"), py::arg("seconds"))
      .def("_drift_alerts", &alerts, py::arg("name"), py::arg("version"), py::arg("after"))
      .def("_use_statistics", &use_statistics, py::arg("name"), py::arg("version"),
           py::arg("statistics"))
      .def("_user_statistics", &user_statistics, py::arg("name"), py::arg("version"))
      .def("_drift_reset", &change<&Engine::reset_drift>)
      .def("_drift_freeze", &change<&Engine::freeze_drift>);
}

}  // namespace mlops::python
