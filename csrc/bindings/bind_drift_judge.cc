// _core.DriftJudge: alerts from tiles of counts, for mlops_engine.drift.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/bind.h"
#include "bindings/drift_alerts_out.h"
#include "bindings/drift_counts.h"
#include "observe/drift_judge.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

// masses, n, sum, sum of squares
using CountsTuple = std::tuple<NumpyArray<std::uint64_t>, std::uint64_t, double, double>;
// categorical, output, counts, edges, quantiles, min, max
using StreamTuple =
    std::tuple<bool, bool, CountsTuple, std::vector<float>, std::vector<float>, float, float>;

StreamCounts counts_of(StreamKind kind, const CountsTuple& from) {
  const auto& [masses, n, sum, sum2] = from;
  return counts_in(kind, masses, {n, sum, sum2});
}

TimePoint time_in(double seconds) {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

// Streams and cells by number: whoever made this judge knows their names.
py::dict alert_out(const DriftAlert& alert) {
  py::list cells;
  for (const ChangedCell& cell : alert.cells) {
    cells.append(std::tuple(cell.cell, cell.before, cell.now));
  }
  py::dict out = alert_figures_out(alert);
  out["stream"] = alert.stream;
  out["cells"] = cells;
  return out;
}

py::dict event_out(const DriftEvent& event) {
  py::dict out;
  out["kind"] = std::string(name_of(event.kind));
  out["row"] = event.row;
  out["time"] = std::chrono::duration<double>(event.time.time_since_epoch()).count();
  if (event.alert) out["alert"] = alert_out(*event.alert);
  out["streams"] = event.streams;
  return out;
}

StreamBefore before_in(const StreamTuple& stream) {
  const auto& [categorical, output, counts, edges, quantiles, min, max] = stream;
  const StreamKind kind = categorical ? StreamKind::categorical : StreamKind::numeric;
  StreamBefore before{counts_of(kind, counts), edges, quantiles, min, max};
  const std::size_t bins = before.counts.bins;
  if (!categorical && bins != edges.size() + 1 && bins + edges.size() != 0) {
    throw_unless_ok(Status::invalid_argument("a numeric stream has an edge less than bins"));
  }
  return before;
}

DriftJudge judge_in(const std::vector<StreamTuple>& streams, const JudgeOptions& options) {
  std::vector<JudgedStream> judged;
  for (const StreamTuple& stream : streams) {
    judged.push_back({before_in(stream), std::get<1>(stream)});
  }
  return {std::move(judged), options};
}

std::tuple<std::string, double, double, double> cause_of(const StreamTuple& stream,
                                                         const CountsTuple& now) {
  const StreamBefore before = before_in(stream);
  const StreamCounts counts = counts_of(before.counts.kind, now);
  if (!before.counts.combines_with(counts)) {
    throw_unless_ok(Status::invalid_argument("the counts are of different references"));
  }
  const DriftCause cause = likely_cause(before, counts);
  return {std::string(name_of(cause.kind)), cause.factor, cause.shift_sigma, cause.spread_ratio};
}

py::list see(DriftJudge& self, const std::vector<CountsTuple>& tile, double seconds) {
  CountsTable counts;
  counts.reserve(tile.size());
  for (std::size_t i = 0; i < tile.size(); ++i) {
    counts.push_back(counts_of(self.kind(std::min(i, self.streams() - 1)), tile[i]));
  }
  const auto events = self.see(counts, time_in(seconds));
  throw_unless_ok(events.status());
  py::list out;
  for (const DriftEvent& event : *events) out.append(event_out(event));
  return out;
}

}  // namespace

void bind_drift_judge(py::module_& module) {
  module.def("drift_likely_cause", &cause_of, py::arg("before"), py::arg("now"));
  const JudgeOptions defaults;
  py::class_<DriftJudge>(module, "DriftJudge")
      .def(py::init([](const std::vector<StreamTuple>& streams, double average_run_rows,
                       double margin, double effect_warning, double effect_critical, double fdr,
                       std::uint64_t recovery_rows, double retrain_share,
                       std::uint64_t retrain_rows) {
             if (streams.empty()) throw_unless_ok(Status::invalid_argument("no streams to watch"));
             return judge_in(streams, {average_run_rows, margin, effect_warning, effect_critical,
                                       fdr, recovery_rows, retrain_share, retrain_rows});
           }),
           py::arg("streams"), py::kw_only(),
           py::arg("average_run_rows") = defaults.average_run_rows,
           py::arg("margin") = defaults.margin, py::arg("effect_warning") = defaults.effect_warning,
           py::arg("effect_critical") = defaults.effect_critical, py::arg("fdr") = defaults.fdr,
           py::arg("recovery_rows") = defaults.recovery_rows,
           py::arg("retrain_share") = defaults.retrain_share,
           py::arg("retrain_rows") = defaults.retrain_rows)
      .def("see", &see, py::arg("tile"), py::arg("seconds"))
      .def("changed", &DriftJudge::changed)
      .def("active",
           [](const DriftJudge& self) {
             py::list out;
             for (const DriftAlert& alert : self.active()) out.append(alert_out(alert));
             return out;
           })
      .def("merge",
           [](DriftJudge& self, const DriftJudge& other) { throw_unless_ok(self.merge(other)); })
      .def("e_value",
           [](const DriftJudge& self, std::size_t i) {
             return self.detector(std::min(i, self.streams() - 1)).e_value();
           })
      .def_property_readonly("rows", &DriftJudge::rows);
}

}  // namespace mlops::python
