#include "bindings/drift_alerts_out.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>

#include "observe/category_codes.h"
#include "observe/segments.h"
#include "observe/stream_cells.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

double seconds_of(TimePoint at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

// As the server's JSON has it: a value that is no number is the name of where it was counted.
py::object value_of(const StreamReference& stream, float value) {
  const bool numeric = stream.counts.kind == StreamKind::numeric;
  const std::uint32_t cell = cell_of(stream, value);
  if (numeric && std::isfinite(value)) return py::float_(static_cast<double>(value));
  if (std::isnan(value)) return py::none();
  if (!numeric && cell < stream.counts.bins && !stream.categories.of_strings) {
    return py::float_(stream.categories.numbers[cell]);
  }
  return py::str(cell_name(stream, cell));
}

py::list samples_out(const Reference& reference, const StreamReference& stream,
                     const std::vector<SampleRow>& samples) {
  py::list out;
  for (const SampleRow& sample : samples) {
    py::dict row;
    for (std::size_t i = 0; i < sample.values.size(); ++i) {
      row[py::str(reference.streams[i].name.label)] =
          value_of(reference.streams[i], sample.values[i]);
    }
    py::dict shown;
    shown["cell"] = cell_name(stream, sample.cell);
    shown["row"] = row;
    out.append(shown);
  }
  return out;
}

py::dict alert_out(const Reference& reference, const DriftAlert& alert,
                   const std::vector<SampleRow>& samples) {
  const StreamReference& stream = reference.streams[alert.stream];
  py::dict out = alert_figures_out(alert);
  out["stream"] = stream.name.label;
  py::list cells;
  for (const ChangedCell& cell : alert.cells) {
    py::dict moved;
    moved["cell"] = cell_name(stream, cell.cell);
    moved["before"] = cell.before;
    moved["now"] = cell.now;
    cells.append(moved);
  }
  out["cells"] = cells;
  py::list segments;
  for (const SegmentShare& share : alert.segments) {
    py::dict of;
    of["segment"] = segment_name(reference, share.segment);
    of["share"] = share.share;
    of["before"] = share.before;
    of["now"] = share.now;
    of["psi_debiased"] = share.psi_debiased;
    segments.append(of);
  }
  out["segments"] = segments;
  out["samples"] = samples_out(reference, stream, samples);
  return out;
}

py::dict event_out(const Reference& reference, const NumberedEvent& numbered) {
  py::dict out;
  out["number"] = numbered.number;
  out["kind"] = std::string(name_of(numbered.event.kind));
  out["row"] = numbered.event.row;
  out["time"] = seconds_of(numbered.event.time);
  if (numbered.event.alert) {
    out["alert"] = alert_out(reference, *numbered.event.alert, numbered.samples);
  }
  py::list streams;
  for (const std::size_t stream : numbered.event.streams) {
    streams.append(reference.streams[stream].name.label);
  }
  out["streams"] = streams;
  return out;
}

}  // namespace

py::dict alert_figures_out(const DriftAlert& alert) {
  py::dict out;
  out["severity"] = std::string(name_of(alert.severity));
  out["cause"] = std::string(name_of(alert.cause.kind));
  out["factor"] = alert.cause.factor;
  out["shift_sigma"] = alert.cause.shift_sigma;
  out["spread_ratio"] = alert.cause.spread_ratio;
  out["change_row"] = alert.change_row;
  out["change_time"] = seconds_of(alert.change_time);
  out["raised_row"] = alert.raised_row;
  out["rows_since_change"] = alert.rows_since_change;
  out["psi_debiased"] = alert.psi_debiased;
  out["js_distance"] = alert.js_distance;
  out["ks"] = alert.ks;
  out["evidence_rows"] = alert.evidence;
  out["log_e_value"] = std::log(std::max(alert.e_value, 1e-300));
  out["repeats"] = alert.repeats;
  return out;
}

py::dict drift_alerts_out(const JudgeView& view) {
  const Reference& reference = *view.reference;
  py::dict out;
  out["reference"] = reference.id;
  out["rows"] = view.rows;
  py::list alerts;
  for (const ShownAlert& shown : view.active) {
    alerts.append(alert_out(reference, shown.alert, shown.samples));
  }
  out["alerts"] = alerts;
  py::list changed;
  for (const std::size_t stream : view.changed) {
    changed.append(reference.streams[stream].name.label);
  }
  out["changed"] = changed;
  py::list events;
  for (const NumberedEvent& event : view.events) events.append(event_out(reference, event));
  out["events"] = events;
  out["last_event"] = view.last_event;
  out["events_forgotten"] = view.events_forgotten;
  return out;
}

}  // namespace mlops::python
