#include <cmath>

#include "engine/metrics_lines.h"

namespace mlops {
namespace {

using prometheus::escaped;
using prometheus::header;
using prometheus::sample;

std::string of_model(const FeedbackStats& feedback) {
  return "model=\"" + escaped(feedback.model) + "\"";
}

std::string short_decimal(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", number);
  return text;
}

void outcomes(std::string& page, const EngineStats& stats) {
  const char* predictions = "mlops_feedback_predictions_total";
  header(page, predictions, "Predictions that were to be stored for labels, by what became of them",
         "counter");
  for (const FeedbackStats& feedback : stats.feedback) {
    const JoinCounts& counts = feedback.counts;
    const std::string labels = of_model(feedback) + ",state=";
    sample(page, predictions, labels + "\"stored\"", std::to_string(counts.stored));
    sample(page, predictions, labels + "\"repeated\"", std::to_string(counts.repeated));
    sample(page, predictions, labels + "\"refused\"", std::to_string(counts.refused));
    sample(page, predictions, labels + "\"lost_unlabelled\"",
           std::to_string(counts.lost_unlabelled));
  }
  const char* items = "mlops_feedback_items_total";
  header(page, items, "Labels, corrections and rewards, by what became of them", "counter");
  for (const FeedbackStats& feedback : stats.feedback) {
    const JoinCounts& counts = feedback.counts;
    const std::uint64_t by[kJoinedKinds] = {counts.joined,  counts.duplicated,   counts.late,
                                            counts.unknown, counts.inadmissible, counts.corrected,
                                            counts.rewarded};
    for (std::size_t kind = 0; kind < kJoinedKinds; ++kind) {
      const std::string name(name_of(static_cast<Joined>(kind)));
      sample(page, items, of_model(feedback) + ",outcome=\"" + name + "\"",
             std::to_string(by[kind]));
    }
  }
}

// A gauge of each version, left out where there is nothing to say.
template <class Value>
void quality_gauge(std::string& page, const EngineStats& stats, const char* name, const char* help,
                   Value value) {
  header(page, name, help, "gauge");
  for (const FeedbackStats& feedback : stats.feedback) {
    for (const FeedbackStats::Version& version : feedback.versions) {
      const double number = value(version);
      if (!std::isfinite(number)) continue;
      sample(page, name,
             of_model(feedback) + ",version=\"" + std::to_string(version.version) + "\"",
             short_decimal(number));
    }
  }
}

}  // namespace

void add_feedback_metrics(std::string& page, const EngineStats& stats) {
  using Version = FeedbackStats::Version;
  outcomes(page, stats);
  quality_gauge(page, stats, "mlops_quality_label_coverage",
                "Share of the predictions kept that a label has come for",
                [](const Version& v) { return v.coverage; });
  quality_gauge(page, stats, "mlops_quality_accuracy", "Realised accuracy of labelled predictions",
                [](const Version& v) { return v.accuracy; });
  quality_gauge(page, stats, "mlops_quality_expected_accuracy",
                "Accuracy of all predictions if their scores are chances",
                [](const Version& v) { return v.expected_accuracy; });
  quality_gauge(page, stats, "mlops_quality_mean_absolute_error", "Realised, of regressions",
                [](const Version& v) { return v.mean_absolute_error; });
  quality_gauge(page, stats, "mlops_quality_calibration_log_wealth",
                "The most that a bet against the scores as chances ever held, in logarithms",
                [](const Version& v) { return v.calibration_log_wealth; });
}

}  // namespace mlops
