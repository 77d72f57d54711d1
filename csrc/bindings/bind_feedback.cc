// Feedback by request id and what it says of an engine's models; the shapes are those of a server's
// JSON.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <optional>

#include "bindings/bind.h"
#include "bindings/with_engine.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

std::vector<std::string> give_feedback(EngineHandle& self, const std::string& name,
                                       const std::vector<std::pair<std::string, double>>& items,
                                       const std::string& kind) {
  if (kind != "label" && kind != "correction" && kind != "reward") {
    throw_unless_ok(Status::invalid_argument("feedback is a label, a correction or a reward"));
  }
  const FeedbackKind meant = kind == "label"    ? FeedbackKind::label
                             : kind == "reward" ? FeedbackKind::reward
                                                : FeedbackKind::correction;
  std::vector<Feedback> feedback;
  feedback.reserve(items.size());
  for (const auto& [id, value] : items) feedback.push_back({meant, id, value});
  const Result<std::vector<Joined>> results =
      with_engine(self, [&](const auto& engine) { return engine->feedback(name, feedback); });
  throw_unless_ok(results.status());
  std::vector<std::string> names;
  for (const Joined joined : *results) names.emplace_back(name_of(joined));
  return names;
}

py::object finite_or_none(double number) {
  return std::isfinite(number) ? py::object(py::float_(number)) : py::object(py::none());
}

py::list confusion_out(const Quality& quality) {
  py::list rows;
  for (std::int32_t label = 0; label < quality.classes(); ++label) {
    py::list row;
    for (std::int32_t predicted = 0; predicted < quality.classes(); ++predicted) {
      row.append(quality.confusion(label, predicted));
    }
    rows.append(row);
  }
  return rows;
}

void add_binary(py::dict& out, const QualityView& view) {
  const Quality& quality = view.realised.quality;
  out["precision"] = finite_or_none(quality.precision(1));
  out["recall"] = finite_or_none(quality.recall(1));
  out["f1"] = finite_or_none(quality.f1(1));
  out["log_loss"] = finite_or_none(quality.log_loss());
  out["brier"] = finite_or_none(quality.brier());
  const Bounds auroc = quality.auroc();
  out["auroc_low"] = finite_or_none(auroc.low);
  out["auroc_high"] = finite_or_none(auroc.high);
  const Expectation& promised = view.realised.expected;
  py::dict expected;
  expected["accuracy"] = finite_or_none(promised.accuracy());
  expected["precision"] = finite_or_none(promised.precision());
  expected["recall"] = finite_or_none(promised.recall());
  expected["f1"] = finite_or_none(promised.f1());
  out["expected"] = expected;
  py::dict calibration;
  calibration["labels"] = view.calibration.count();
  calibration["log_wealth"] = view.calibration.log_wealth();
  calibration["log_wealth_max"] = view.calibration.log_wealth_max();
  calibration["gone_wrong"] = view.calibration.gone_wrong(kCalibrationAlpha);
  out["calibration"] = calibration;
}

py::dict quality(EngineHandle& self, const std::string& name, std::int64_t version,
                 const std::optional<double>& seconds) {
  std::optional<Duration> span;
  if (seconds) {
    if (!(*seconds > 0 && *seconds <= 366.0 * 86400)) {
      throw_unless_ok(Status::invalid_argument("a window is longer than nothing, a year at most"));
    }
    span = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  }
  const Result<QualityView> view =
      with_engine(self, [&](const auto& engine) { return engine->quality(name, version, span); });
  throw_unless_ok(view.status());
  const RealisedQuality& realised = view->realised;
  const Quality& found = realised.quality;
  py::dict out;
  out["task"] = view->task == Task::binary    ? "binary"
                : view->task == Task::classes ? "classes"
                                              : "regression";
  out["predictions"] = realised.predictions;
  out["labels"] = found.count();
  out["coverage"] = realised.coverage();
  const auto delay = [&](double level) {
    return static_cast<double>(realised.delay_ms.quantile(level)) / 1e3;
  };
  out["delay_p50"] = delay(0.5);
  out["delay_p90"] = delay(0.9);
  out["delay_p99"] = delay(0.99);
  if (view->task == Task::regression) {
    out["bias"] = finite_or_none(found.bias());
    out["mae"] = finite_or_none(found.mean_absolute_error());
    out["mse"] = finite_or_none(found.mean_squared_error());
    out["r2"] = finite_or_none(found.r_squared());
  } else {
    out["accuracy"] = finite_or_none(found.accuracy());
    out["confusion"] = confusion_out(found);
  }
  if (view->task == Task::binary) add_binary(out, *view);
  out["rewards"] = realised.rewards;
  out["reward_sum"] = realised.reward_sum;
  return out;
}

}  // namespace

void bind_feedback(py::class_<EngineHandle>& engine) {
  engine.def("_feedback", &give_feedback, py::arg("name"), py::arg("items"), py::arg("kind"))
      .def("_quality", &quality, py::arg("name"), py::arg("version"), py::arg("seconds"));
}

}  // namespace mlops::python
