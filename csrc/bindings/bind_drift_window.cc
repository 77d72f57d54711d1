// _core.DriftWindow: rows counted against a reference, for mlops_engine.drift.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bindings/bind.h"
#include "bindings/drift_columns.h"
#include "bindings/drift_handles.h"
#include "bindings/drift_statistics.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "observe/drift_observer.h"
#include "observe/profile_bytes.h"
#include "observe/row_counter.h"
#include "observe/stage.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

// Rows counted against a profile. The lock is for callers that share a window between threads:
// counting gives the GIL up.
class WindowHandle {
 public:
  WindowHandle(ReferencePtr reference, CountsTable counts)
      : reference_(std::move(reference)), counts_(std::move(counts)), counter_(reference_) {
    if (counts_.empty()) counts_ = reference_->empty_counts();
    for (const StreamReference& stream : reference_->streams) {
      const bool categorical = stream.counts.kind == StreamKind::categorical;
      codes_.push_back(categorical ? std::make_unique<CategoryCodes>(stream.categories) : nullptr);
    }
  }

  const ReferencePtr& reference() const { return reference_; }

  void update_rows(const py::object& rows) {
    const GilHeld held;
    const DriftArray array = array_in("rows", rows);
    const bool numbers = std::ranges::all_of(codes_, [](const auto& codes) { return !codes; });
    if (!numbers || array.columns != codes_.size() || array.tensor.dtype == DType::bytes) {
      throw_unless_ok(Status::invalid_argument(
          numbers
              ? "rows have " + std::to_string(array.columns) + " columns, and the profile has " +
                    std::to_string(codes_.size()) + " streams of numbers"
              : "the profile has categories: give its columns one by one"));
    }
    ColumnRun run;
    run.count = array.columns;
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    std::size_t counted = 0;
    if (array.tensor.dtype == DType::f32) {
      const auto* const floats = reinterpret_cast<const float*>(array.tensor.bytes.data());
      counted = counter_.fold_in_place(floats, array.rows);
      statistics_.add(floats, counted, array.columns);
    }
    count(array.rows - counted, [&](std::size_t first, std::size_t rows_now) {
      stage_run(run, array.tensor, array.columns, counted + first, rows_now, counter_.next_row(),
                counter_.stride());
    });
  }

  void update_columns(const std::vector<std::pair<py::object, py::object>>& columns) {
    const GilHeld held;
    if (columns.size() != codes_.size()) {
      throw_unless_ok(Status::invalid_argument(std::to_string(columns.size()) +
                                               " columns, and the profile has " +
                                               std::to_string(codes_.size()) + " streams"));
    }
    std::vector<std::vector<float>> floats;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const DriftArray array = array_in(reference_->streams[i].name.label, columns[i].first);
      Result<std::vector<float>> column =
          drift_floats(array, codes_[i].get(), mask_of(columns[i].second, array.rows));
      throw_unless_ok(column.status());
      if (i > 0 && column->size() != floats.front().size()) {
        throw_unless_ok(Status::invalid_argument("the columns are not equally long"));
      }
      floats.push_back(*std::move(column));
    }
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    count(floats.front().size(), [&](std::size_t first, std::size_t rows) {
      for (std::size_t row = 0; row < rows; ++row) {
        float* const to = counter_.next_row() + row * counter_.stride();
        for (std::size_t i = 0; i < floats.size(); ++i) to[i] = floats[i][first + row];
      }
    });
  }

  // The GIL is given up before the lock is taken: whoever has it may be in a statistic that wants
  // the GIL.
  CountsTable counts() {
    const GilHeld held;
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    fold();
    counter_.take(counts_);
    return counts_;
  }

  void use_statistics(std::vector<UserStatistic> statistics) {
    throw_unless_ok(check_statistics(statistics, *reference_));
    const GilHeld held;
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    auto used = std::make_shared<const std::vector<UserStatistic>>(std::move(statistics));
    statistic_sums_ = empty_statistics(*used);
    statistics_ = StatisticRunner(std::move(used), *reference_);
  }

  StatisticSnapshot statistics() {
    const GilHeld held;
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    fold();
    statistics_.take(statistic_sums_);
    return {statistics_.statistics(), statistic_sums_};
  }

  // Adds or takes away what the other has counted, and what its statistics made of it.
  void combine(WindowHandle& other, Status (*counts_how)(CountsTable&, const CountsTable&),
               void (*sums_how)(StatisticTable&, const StatisticTable&)) {
    if (other.reference_->id != reference_->id) {
      throw_unless_ok(Status::invalid_argument("the windows are of different references"));
    }
    const StatisticSnapshot their_sums = other.statistics();
    if (!alike(statistics(), their_sums)) {
      throw_unless_ok(Status::invalid_argument("the windows have different statistics"));
    }
    const CountsTable theirs = other.counts();
    CountsTable ours = counts();
    throw_unless_ok(counts_how(ours, theirs));
    const GilHeld held;
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    counts_ = std::move(ours);
    sums_how(statistic_sums_, their_sums.sums);
  }

 private:
  static bool alike(const StatisticSnapshot& ours, const StatisticSnapshot& theirs) {
    bool same = ours.sums.size() == theirs.sums.size();
    for (std::size_t i = 0; same && i < ours.sums.size(); ++i) {
      const UserStatistic& a = (*ours.statistics)[i];
      const UserStatistic& b = (*theirs.statistics)[i];
      same = a.name == b.name && a.size == b.size && a.streams == b.streams;
    }
    return same;
  }
  template <class Stage>
  void count(std::size_t rows, Stage stage) {
    for (std::size_t first = 0; first < rows;) {
      const std::size_t now = std::min(rows - first, counter_.free_rows());
      stage(first, now);
      counter_.stage(now);
      if (counter_.free_rows() == 0) fold();
      first += now;
    }
  }
  void fold() {
    const std::size_t rows = counter_.staged();
    if (statistics_.any() && rows > 0) {
      statistics_.add(counter_.next_row() - rows * counter_.stride(), rows, counter_.stride());
    }
    counter_.fold();
  }

  ReferencePtr reference_;
  std::mutex mutex_;
  CountsTable counts_;
  RowCounter counter_;
  StatisticRunner statistics_;
  StatisticTable statistic_sums_;
  std::vector<std::unique_ptr<CategoryCodes>> codes_;
};

py::list counts_out(const CountsTable& table) {
  py::list out;
  for (const StreamCounts& counts : table) out.append(describe_counts(counts));
  return out;
}

}  // namespace

void bind_drift_window(py::module_& module) {
  py::class_<WindowHandle>(module, "DriftWindow")
      .def(py::init([](const ProfileHandle& profile) {
        return std::make_unique<WindowHandle>(profile.reference, CountsTable());
      }))
      .def_static("from_bytes",
                  [](const py::bytes& bytes) {
                    Profile profile = profile_in(bytes);
                    return std::make_unique<WindowHandle>(std::move(profile.reference),
                                                          std::move(profile.counts));
                  })
      .def("to_bytes",
           [](WindowHandle& self) { return bytes_out(self.reference(), self.counts()); })
      .def_property_readonly("profile",
                             [](WindowHandle& self) { return ProfileHandle{self.reference()}; })
      .def("update_rows", &WindowHandle::update_rows)
      .def("update_columns", &WindowHandle::update_columns)
      .def("counts", [](WindowHandle& self) { return counts_out(self.counts()); })
      .def("merge", [](WindowHandle& self,
                       WindowHandle& other) { self.combine(other, &add_counts, &add_statistics); })
      .def("subtract",
           [](WindowHandle& self, WindowHandle& other) {
             self.combine(other, &subtract_counts, &subtract_statistics);
           })
      .def("use_statistics",
           [](WindowHandle& self, const std::vector<StatisticSpec>& specs) {
             self.use_statistics(statistics_in(specs));
           })
      .def("statistics",
           [](WindowHandle& self) {
             const StatisticSnapshot seen = self.statistics();
             return seen.statistics ? statistics_out(*seen.statistics, seen.sums) : py::list();
           })
      .def("copy", [](WindowHandle& self) {
        return std::make_unique<WindowHandle>(self.reference(), self.counts());
      });
}

}  // namespace mlops::python
