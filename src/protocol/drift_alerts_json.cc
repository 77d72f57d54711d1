#include "protocol/drift_alerts_json.h"

#include <charconv>
#include <cmath>

#include "observe/category_codes.h"
#include "observe/segments.h"
#include "observe/stream_cells.h"
#include "protocol/json_writer.h"

namespace mlops {
namespace {

void finite_or_null(JsonWriter& json, std::string_view key, double value) {
  json.key(key);
  if (std::isfinite(value)) {
    json.number(value);
  } else {
    json.null();
  }
}

void whole(JsonWriter& json, std::string_view key, std::uint64_t value) {
  json.key(key).integer(static_cast<std::int64_t>(value));
}

// Seconds since 1970.
void time_of(JsonWriter& json, std::string_view key, TimePoint at) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch());
  json.key(key).number(static_cast<double>(ms.count()) / 1000);
}

void write_cause(JsonWriter& json, const DriftCause& cause) {
  json.key("cause").string(name_of(cause.kind));
  finite_or_null(json, "factor", cause.factor);
  finite_or_null(json, "shift_sigma", cause.shift_sigma);
  finite_or_null(json, "spread_ratio", cause.spread_ratio);
}

// A value that has no form in JSON is the name of where it was counted.
void write_value(JsonWriter& json, const StreamReference& stream, float value) {
  const bool numeric = stream.counts.kind == StreamKind::numeric;
  const std::uint32_t cell = cell_of(stream, value);
  if (numeric && std::isfinite(value)) {
    json.number(static_cast<double>(value));
  } else if (std::isnan(value)) {
    json.null();
  } else if (!numeric && cell < stream.counts.bins && !stream.categories.of_strings) {
    json.number(stream.categories.numbers[cell]);
  } else {
    json.string(cell_name(stream, cell));
  }
}

void write_samples(JsonWriter& json, const Reference& reference, const StreamReference& stream,
                   const std::vector<SampleRow>& samples) {
  json.key("samples").array();
  for (const SampleRow& sample : samples) {
    json.object().key("cell").string(cell_name(stream, sample.cell)).key("row").object();
    for (std::size_t i = 0; i < sample.values.size(); ++i) {
      json.key(reference.streams[i].name.label);
      write_value(json, reference.streams[i], sample.values[i]);
    }
    json.end_object().end_object();
  }
  json.end_array();
}

// Only where the reference declares some.
void write_segments(JsonWriter& json, const Reference& reference,
                    const std::vector<SegmentShare>& shares) {
  if (reference.segmentations.empty()) return;
  json.key("segments").array();
  for (const SegmentShare& share : shares) {
    json.object().key("segment").string(segment_name(reference, share.segment));
    finite_or_null(json, "share", share.share);
    finite_or_null(json, "before", share.before);
    finite_or_null(json, "now", share.now);
    finite_or_null(json, "psi_debiased", share.psi_debiased);
    json.end_object();
  }
  json.end_array();
}

void write_alert(JsonWriter& json, const Reference& reference, const DriftAlert& alert,
                 const std::vector<SampleRow>& samples) {
  const StreamReference& stream = reference.streams[alert.stream];
  json.object();
  json.key("stream").string(stream.name.label);
  json.key("role").string(stream.name.role == StreamRole::input ? "input" : "output");
  json.key("tensor").string(stream.name.tensor);
  json.key("column").integer(stream.name.column);
  json.key("severity").string(name_of(alert.severity));
  write_cause(json, alert.cause);
  whole(json, "change_row", alert.change_row);
  time_of(json, "change_time", alert.change_time);
  whole(json, "raised_row", alert.raised_row);
  whole(json, "rows_since_change", alert.rows_since_change);
  finite_or_null(json, "psi_debiased", alert.psi_debiased);
  finite_or_null(json, "js_distance", alert.js_distance);
  finite_or_null(json, "ks", alert.ks);
  finite_or_null(json, "evidence_rows", alert.evidence);
  finite_or_null(json, "log_e_value", std::log(std::max(alert.e_value, 1e-300)));
  whole(json, "repeats", alert.repeats);
  json.key("cells").array();
  for (const ChangedCell& cell : alert.cells) {
    json.object().key("cell").string(cell_name(stream, cell.cell));
    finite_or_null(json, "before", cell.before);
    finite_or_null(json, "now", cell.now);
    json.end_object();
  }
  json.end_array();
  write_segments(json, reference, alert.segments);
  write_samples(json, reference, stream, samples);
  json.end_object();
}

void write_event(JsonWriter& json, const Reference& reference, const NumberedEvent& numbered) {
  const DriftEvent& event = numbered.event;
  json.object();
  whole(json, "number", numbered.number);
  json.key("kind").string(name_of(event.kind));
  whole(json, "row", event.row);
  time_of(json, "time", event.time);
  if (event.alert) {
    json.key("alert");
    write_alert(json, reference, *event.alert, numbered.samples);
  }
  json.key("streams").array();
  for (const std::size_t stream : event.streams) json.string(reference.streams[stream].name.label);
  json.end_array().end_object();
}

}  // namespace

Result<std::uint64_t> parse_event_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) {
    return Status::invalid_argument("an event's number is a whole number, 0 for all events");
  }
  return number;
}

std::string drift_alerts_json(const JudgeView& view) {
  const Reference& reference = *view.reference;
  JsonWriter json;
  json.object();
  json.key("reference").string(reference.id);
  whole(json, "rows", view.rows);
  finite_or_null(json, "average_run_rows", view.options.average_run_rows);
  json.key("alerts").array();
  for (const ShownAlert& shown : view.active) {
    write_alert(json, reference, shown.alert, shown.samples);
  }
  json.end_array().key("changed").array();
  for (const std::size_t stream : view.changed) json.string(reference.streams[stream].name.label);
  json.end_array().key("events").array();
  for (const NumberedEvent& event : view.events) write_event(json, reference, event);
  json.end_array();
  whole(json, "last_event", view.last_event);
  whole(json, "events_forgotten", view.events_forgotten);
  return json.end_object().take();
}

}  // namespace mlops
