// Late labels, joined to predictions by request id. Documented by mlops_engine/drift/labels.py,
// which derives from the class here. Times are the caller's seconds, so that a stream can be
// replayed; calls keep the GIL, which also guards the clock.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "bindings/bind.h"
#include "labels/label_join.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

class CallersClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  // Never backwards: labels and predictions of threads may cross.
  void reach(double seconds) {
    if (!(seconds >= 0 && seconds < 9e9))
      throw_unless_ok(Status::invalid_argument("time must be seconds, 0 to 9e9"));
    now_ = std::max(now_, TimePoint() + duration(seconds));
  }
  static Duration duration(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }

 private:
  TimePoint now_{};
};

Duration seconds_option(const char* name, double seconds) {
  if (!(seconds > 0 && seconds < 4e9))
    throw_unless_ok(
        Status::invalid_argument(std::string(name) + " must be above 0 s, below 4e9 s"));
  return CallersClock::duration(seconds);
}

struct PythonJoin {
  explicit PythonJoin(const LabelJoin::Options& options) : join(options, clock) {}
  CallersClock clock;
  LabelJoin join;
};

std::unique_ptr<PythonJoin> make_join(const std::string& task, std::int32_t classes,
                                      std::size_t bytes, double keep, double slot,
                                      std::size_t slots, std::size_t versions, std::uint64_t seed) {
  LabelJoin::Options options;
  if (task != "binary" && task != "classes" && task != "regression")
    throw_unless_ok(Status::invalid_argument("task must be binary, classes or regression"));
  options.task = task == "binary"    ? Task::binary
                 : task == "classes" ? Task::classes
                                     : Task::regression;
  options.classes = classes;
  options.bytes = bytes;
  options.keep = seconds_option("keep", keep);
  options.slot = seconds_option("slot", slot);
  options.slots = slots;
  options.versions = versions;
  options.seed = seed;
  throw_unless_ok(LabelJoin::check(options));
  return std::make_unique<PythonJoin>(options);
}

py::dict realised_dict(const PythonJoin& self, std::int64_t version, double span) {
  const RealisedQuality all = self.join.realised(version, seconds_option("span", span));
  const Quality& quality = all.quality;
  const Bounds auroc = quality.auroc();
  py::dict found;
  found["predictions"] = all.predictions;
  found["labels"] = quality.count();
  found["coverage"] = all.coverage();
  const auto delay = [&](double q) { return static_cast<double>(all.delay_ms.quantile(q)) / 1e3; };
  found["delay_p50"] = delay(0.5);
  found["delay_p90"] = delay(0.9);
  found["delay_p99"] = delay(0.99);
  found["accuracy"] = quality.accuracy();
  found["log_loss"] = quality.log_loss();
  found["brier"] = quality.brier();
  found["auroc"] = py::make_tuple(auroc.low, auroc.high);
  found["bias"] = quality.bias();
  found["mae"] = quality.mean_absolute_error();
  found["mse"] = quality.mean_squared_error();
  found["r2"] = quality.r_squared();
  py::list rows;
  for (std::int32_t label = 0; label < quality.classes(); ++label) {
    py::list row;
    for (std::int32_t predicted = 0; predicted < quality.classes(); ++predicted)
      row.append(quality.confusion(label, predicted));
    rows.append(row);
  }
  found["confusion"] = rows;
  return found;
}

py::dict join_counts(const PythonJoin& self) {
  const JoinCounts counts = self.join.counts();
  py::dict found;
  found["stored"] = counts.stored;
  found["repeated"] = counts.repeated;
  found["refused"] = counts.refused;
  found["joined"] = counts.joined;
  found["duplicated"] = counts.duplicated;
  found["late"] = counts.late;
  found["unknown"] = counts.unknown;
  found["inadmissible"] = counts.inadmissible;
  found["lost_unlabelled"] = counts.lost_unlabelled;
  return found;
}

}  // namespace

void bind_labels(py::module_& module) {
  py::class_<PythonJoin>(module, "LabelJoin")
      .def(py::init(&make_join))
      .def(
          "predicted",
          [](PythonJoin& self, std::string_view id, double score, std::int32_t predicted,
             double time, std::int64_t version) {
            self.clock.reach(time);
            self.join.predicted(id, version, score, predicted);
          },
          py::arg("id"), py::arg("score"), py::arg("predicted") = 0, py::kw_only(), py::arg("time"),
          py::arg("version") = 1)
      .def(
          "label",
          [](PythonJoin& self, std::string_view id, double label, double time) {
            self.clock.reach(time);
            return std::string(name_of(self.join.label(id, label)));
          },
          py::arg("id"), py::arg("label"), py::kw_only(), py::arg("time"))
      .def("realised", &realised_dict, py::arg("version") = 1, py::kw_only(), py::arg("span"))
      .def(
          "calibration_wealth",
          [](const PythonJoin& self, std::int64_t version) {
            return std::exp(self.join.calibration(version).log_wealth_max());
          },
          py::arg("version") = 1)
      .def("counts", &join_counts);
}

}  // namespace mlops::python
