#include <array>

#include "engine/metrics_lines.h"

namespace mlops {
namespace {

using prometheus::escaped;
using prometheus::header;
using prometheus::labels_of;
using prometheus::sample;
using prometheus::seconds;

void costs(std::string& page, const EngineStats& stats) {
  const char* rows = "mlops_drift_rows_total";
  header(page, rows, "Rows of watched versions: counted, left out to save time, or of other shapes",
         "counter");
  for (const ModelStats& model : stats.models) {
    if (!model.drift) continue;
    const std::string labels = labels_of(model) + ",state=";
    sample(page, rows, labels + "\"counted\"", std::to_string(model.drift->rows_counted));
    sample(page, rows, labels + "\"left_out\"", std::to_string(model.drift->rows_left_out));
    sample(page, rows, labels + "\"unfit\"", std::to_string(model.drift->rows_unfit));
  }
  const char* cost = "mlops_drift_seconds_total";
  header(page, cost, "Time that counting rows for drift took, estimated", "counter");
  for (const ModelStats& model : stats.models) {
    if (model.drift) sample(page, cost, labels_of(model), seconds(model.drift->ns));
  }
}

std::string decimal(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", number);
  return text;
}

void judged(std::string& page, const EngineStats& stats) {
  const char* rows = "mlops_drift_judged_rows_total";
  header(page, rows, "Rows that the judge has seen", "counter");
  for (const ModelStats& model : stats.models) {
    if (model.judge) sample(page, rows, labels_of(model), std::to_string(model.judge->rows));
  }
  const char* evidence = "mlops_drift_evidence_rows";
  header(page, evidence,
         "How many rows chance takes, on average, to give as much evidence of a change", "gauge");
  for (const ModelStats& model : stats.models) {
    if (model.judge) sample(page, evidence, labels_of(model), decimal(model.judge->evidence_rows));
  }
  const char* events = "mlops_drift_events_total";
  header(page, events, "What has happened: alerts raised, worse and over; retraining suggested",
         "counter");
  for (const ModelStats& model : stats.models) {
    if (!model.judge) continue;
    for (std::size_t kind = 0; kind < std::size(model.judge->events); ++kind) {
      const std::string name(name_of(static_cast<DriftEventKind>(kind)));
      sample(page, events, labels_of(model) + ",kind=\"" + name + "\"",
             std::to_string(model.judge->events[kind]));
    }
  }
}

void alerts(std::string& page, const EngineStats& stats) {
  const char* count = "mlops_drift_alerts";
  header(page, count, "Streams that are alerted about now", "gauge");
  for (const ModelStats& model : stats.models) {
    if (!model.judge) continue;
    std::array<std::uint64_t, 2> by{};
    for (const auto& alert : model.judge->active) ++by[static_cast<std::size_t>(alert.severity)];
    for (const DriftSeverity severity : {DriftSeverity::warning, DriftSeverity::critical}) {
      sample(page, count, labels_of(model) + ",severity=\"" + std::string(name_of(severity)) + "\"",
             std::to_string(by[static_cast<std::size_t>(severity)]));
    }
  }
  const char* effect = "mlops_drift_alert_effect";
  header(page, effect, "Debiased PSI since the change, of streams that are alerted about", "gauge");
  for (const ModelStats& model : stats.models) {
    if (!model.judge) continue;
    for (const auto& alert : model.judge->active) {
      sample(page, effect,
             labels_of(model) + ",stream=\"" + escaped(alert.stream) + "\",severity=\"" +
                 std::string(name_of(alert.severity)) + "\",cause=\"" +
                 std::string(name_of(alert.cause)) + "\"",
             decimal(alert.effect));
    }
  }
}

}  // namespace

void add_drift_metrics(std::string& page, const EngineStats& stats) {
  costs(page, stats);
  judged(page, stats);
  alerts(page, stats);
}

}  // namespace mlops
