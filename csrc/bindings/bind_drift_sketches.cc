// _core.DriftSketches: what bins cannot say of streams, for mlops_engine.drift.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings/bind.h"
#include "bindings/drift_columns.h"
#include "bindings/drift_handles.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "observe/stream_sketches.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

// The lock is for callers that share sketches between threads: adding gives the GIL up.
class SketchesHandle {
 public:
  explicit SketchesHandle(ReferencePtr reference)
      : reference_(std::move(reference)), sketches_(*reference_) {}
  explicit SketchesHandle(StreamSketches sketches) : sketches_(std::move(sketches)) {}

  std::size_t streams() const { return sketches_.streams.size(); }

  void update_column(std::size_t index, const py::object& values, const py::object& mask) {
    const GilHeld held;
    if (!reference_ || index >= streams()) {
      throw_unless_ok(Status::invalid_argument("there is no such stream of a known reference"));
    }
    const StreamReference& stream = reference_->streams[index];
    const DriftArray array = array_in(stream.name.label, values);
    const std::vector<bool> missing = mask_of(mask, array.rows);
    if (stream.counts.kind == StreamKind::numeric) {
      const Result<std::vector<float>> floats = drift_floats(array, nullptr, missing);
      throw_unless_ok(floats.status());
      const GilReleased released;
      const std::lock_guard lock(mutex_);
      for (const float value : *floats) sketches_.streams[index].add(value);
      return;
    }
    const CategoryCodes codes(stream.categories);
    if (array.tensor.dtype == DType::bytes) {
      // Views of Python's memory: the array is held by the caller.
      add_all(index, codes, drift_strings(array, missing));
    } else {
      add_all(index, codes, drift_doubles(array, missing));
    }
  }

  void merge(SketchesHandle& other) {
    const StreamSketches theirs = other.copy();
    const std::lock_guard lock(mutex_);
    throw_unless_ok(sketches_.merge(theirs));
  }

  StreamSketches copy() {
    const std::lock_guard lock(mutex_);
    return sketches_;
  }

  template <class Read>
  auto of(std::size_t index, Read read) {
    const std::lock_guard lock(mutex_);
    if (index >= streams()) throw_unless_ok(Status::invalid_argument("there is no such stream"));
    return read(sketches_.streams[index]);
  }

 private:
  template <class Value>
  void add_all(std::size_t index, const CategoryCodes& codes, const std::vector<Value>& values) {
    const GilReleased released;
    const std::lock_guard lock(mutex_);
    StreamSketch& to = sketches_.streams[index];
    const Categories& known = reference_->streams[index].categories;
    for (const Value& value : values) {
      if constexpr (std::is_same_v<Value, std::string_view>) {
        if (value.data() == nullptr) continue;  // missing
      }
      to.add(value, known, codes.code_of(value));
    }
  }

  const ReferencePtr reference_;  // null: read from bytes, and nothing can be added
  std::mutex mutex_;
  StreamSketches sketches_;
};

std::unique_ptr<SketchesHandle> sketches_in(const py::bytes& bytes) {
  Result<StreamSketches> read = read_sketches(std::string_view(bytes));
  throw_unless_ok(read.status());
  return std::make_unique<SketchesHandle>(*std::move(read));
}

py::dict stream_out(const StreamSketch& stream) {
  py::list fresh;
  for (const FrequentValues::Value& value : stream.new_categories.values()) {
    fresh.append(std::tuple(py::bytes(value.text), value.least));
  }
  return py::dict(py::arg("kind") = stream.kind == StreamKind::numeric ? "numeric" : "categorical",
                  py::arg("rows") = stream.rows, py::arg("distinct") = stream.distinct.estimate(),
                  py::arg("min") = static_cast<double>(stream.quantiles.min()),
                  py::arg("max") = static_cast<double>(stream.quantiles.max()),
                  py::arg("new_rows") = stream.new_categories.rows(),
                  py::arg("new_error") = stream.new_categories.error(),
                  py::arg("new_categories") = fresh);
}

}  // namespace

void bind_drift_sketches(py::module_& module) {
  py::class_<SketchesHandle>(module, "DriftSketches")
      .def(py::init([](const ProfileHandle& profile) {
        return std::make_unique<SketchesHandle>(profile.reference);
      }))
      .def_static("from_bytes", &sketches_in)
      .def("to_bytes", [](SketchesHandle& self) { return py::bytes(sketch_bytes(self.copy())); })
      .def("update_column", &SketchesHandle::update_column)
      .def("merge", &SketchesHandle::merge)
      .def_property_readonly("reference_id",
                             [](SketchesHandle& self) { return self.copy().reference_id; })
      .def_property_readonly("streams", &SketchesHandle::streams)
      .def("stream",
           [](SketchesHandle& self, std::size_t index) { return self.of(index, &stream_out); })
      .def("quantiles",
           [](SketchesHandle& self, std::size_t index, const std::vector<double>& levels) {
             std::vector<double> out;
             self.of(index, [&](const StreamSketch& stream) {
               for (const double level : levels) out.push_back(stream.quantiles.quantile(level));
             });
             return out;
           })
      .def("ranks", [](SketchesHandle& self, std::size_t index, const std::vector<float>& values) {
        std::vector<double> out;
        self.of(index, [&](const StreamSketch& stream) {
          for (const float value : values) out.push_back(stream.quantiles.rank(value));
        });
        return out;
      });
}

}  // namespace mlops::python
