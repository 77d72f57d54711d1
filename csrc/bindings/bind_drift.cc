// _core.DriftProfile: references for mlops_engine.drift.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "bindings/bind.h"
#include "bindings/drift_columns.h"
#include "bindings/drift_handles.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "observe/segments.h"

namespace mlops::python {
namespace {

namespace py = pybind11;

template <class T>
py::array_t<T> array_of(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

// (role, tensor, column, label, categorical, values, missing or None)
using ColumnSpec =
    std::tuple<std::string, std::string, std::uint32_t, std::string, bool, py::object, py::object>;

StreamReference stream_of(const ColumnSpec& spec, const ReferenceOptions& options) {
  const auto& [role, tensor, column, label, categorical, values, mask] = spec;
  if (role != "input" && role != "output") {
    throw_unless_ok(
        Status::invalid_argument("a stream is an input or an output, not '" + role + "'"));
  }
  StreamName name{role == "input" ? StreamRole::input : StreamRole::output, tensor, column, label};
  const DriftArray array = array_in(label, values);
  if (array.columns != 1) throw_unless_ok(Status::invalid_argument("'" + label + "' is no column"));
  const std::vector<bool> missing = mask_of(mask, array.rows);
  if (array.tensor.dtype == DType::bytes) {
    if (!categorical) {
      throw_unless_ok(
          Status::invalid_argument("'" + label + "' is of strings, and so categorical"));
    }
    return string_categories(std::move(name), drift_strings(array, missing), options);
  }
  if (categorical)
    return number_categories(std::move(name), drift_doubles(array, missing), options);
  const Result<std::vector<float>> floats = drift_floats(array, nullptr, missing);
  throw_unless_ok(floats.status());
  return numeric_reference(std::move(name), *floats, options);
}

// (which column, edges, how many categories)
using SegmentSpec = std::tuple<std::size_t, std::vector<float>, std::uint32_t>;

// The reference's own rows, counted again by segment: they are what the streams are made of.
void count_by_segment(const std::vector<ColumnSpec>& columns, const ReferencePtr& blank,
                      std::vector<Segmentation>& segmentations) {
  std::vector<std::vector<float>> staged;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const StreamReference& stream = blank->streams[i];
    const DriftArray array = array_in(stream.name.label, std::get<5>(columns[i]));
    const bool categorical = stream.counts.kind == StreamKind::categorical;
    const CategoryCodes codes(stream.categories);
    Result<std::vector<float>> column = drift_floats(array, categorical ? &codes : nullptr,
                                                     mask_of(std::get<6>(columns[i]), array.rows));
    throw_unless_ok(column.status());
    if (i > 0 && column->size() != staged.front().size()) {
      throw_unless_ok(Status::invalid_argument("segments need columns that are equally long"));
    }
    staged.push_back(*std::move(column));
  }
  SegmentCounter counter(blank);
  std::vector<float> row(columns.size());
  for (std::size_t at = 0; at < staged.front().size(); ++at) {
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = staged[i][at];
    counter.add(row.data(), 1, row.size());
  }
  SegmentCounts counts = empty_segments(*blank);
  counter.take(counts);
  auto from = counts.begin();
  for (Segmentation& by : segmentations) {
    for (CountsTable& table : by.counts) table = std::move(*from++);
  }
}

ProfileHandle build_profile(const std::vector<ColumnSpec>& columns, std::uint32_t bins,
                            std::uint32_t categories, const std::vector<SegmentSpec>& segments) {
  const GilHeld held;
  const ReferenceOptions options{bins, categories};
  throw_unless_ok(check_options(options));
  std::vector<StreamReference> streams;
  streams.reserve(columns.size());
  for (const ColumnSpec& spec : columns) streams.push_back(stream_of(spec, options));
  std::vector<Segmentation> segmentations;
  if (!segments.empty()) {
    std::vector<SegmentWish> wishes;
    for (const auto& [column, edges, apart] : segments) wishes.push_back({column, edges, apart});
    Result<std::vector<Segmentation>> planned = plan_segments(streams, wishes);
    throw_unless_ok(planned.status());
    segmentations = *std::move(planned);
    auto blank = std::make_shared<Reference>();
    blank->streams = streams;
    blank->segmentations = segmentations;
    count_by_segment(columns, blank, segmentations);
  }
  Result<ReferencePtr> reference = seal_reference(std::move(streams), std::move(segmentations));
  throw_unless_ok(reference.status());
  return {*std::move(reference)};
}

py::dict describe_stream(const StreamReference& stream) {
  py::dict out;
  out["role"] = stream.name.role == StreamRole::input ? "input" : "output";
  out["tensor"] = stream.name.tensor;
  out["column"] = stream.name.column;
  out["label"] = stream.name.label;
  out["bins"] = stream.counts.bins;
  const bool numeric = stream.counts.kind == StreamKind::numeric;
  out["kind"] = numeric ? "numeric" : "categorical";
  if (numeric) {
    out["edges"] = array_of(stream.numeric.edges);
    out["min"] = static_cast<double>(stream.numeric.min);
    out["max"] = static_cast<double>(stream.numeric.max);
    out["median"] = static_cast<double>(stream.numeric.median);
    out["quantiles"] = array_of(stream.numeric.quantiles);
  } else {
    const Categories& categories = stream.categories;
    out["categories"] =
        categories.of_strings ? py::cast(categories.strings) : py::cast(categories.numbers);
    out["all_rare_known"] = categories.all_rare_known;
  }
  out["counts"] = describe_counts(stream.counts);
  return out;
}

}  // namespace

py::dict describe_counts(const StreamCounts& counts) {
  py::dict out;
  out["masses"] = array_of(counts.masses);
  out["n"] = counts.moments.n;
  out["sum"] = counts.moments.sum;
  out["sum2"] = counts.moments.sum2;
  out["min"] = static_cast<double>(counts.moments.min);
  out["max"] = static_cast<double>(counts.moments.max);
  return out;
}

Profile profile_in(std::string_view bytes) {
  Result<Profile> profile = read_profile(bytes);
  throw_unless_ok(profile.status());
  return *std::move(profile);
}

py::bytes bytes_out(const ReferencePtr& reference, CountsTable counts) {
  return py::bytes(profile_bytes({reference, std::move(counts)}));
}

std::vector<bool> mask_of(const py::object& mask, std::size_t rows) {
  if (mask.is_none()) return {};
  const auto flags = py::array_t<bool, py::array::c_style | py::array::forcecast>::ensure(mask);
  if (!flags) throw py::error_already_set();
  if (static_cast<std::size_t>(flags.size()) != rows) {
    throw_unless_ok(Status::invalid_argument("a mask is not as long as its column"));
  }
  return std::vector<bool>(flags.data(), flags.data() + flags.size());
}

DriftArray array_in(std::string_view name, const py::handle& value) {
  if (!import_numpy()) throw py::error_already_set();
  DriftArray array;
  throw_unless_ok(drift_array(name, value.ptr(), array));
  return array;
}

void bind_drift(py::module_& module) {
  py::class_<ProfileHandle>(module, "DriftProfile")
      .def_static("build", &build_profile, py::arg("columns"), py::kw_only(), py::arg("bins"),
                  py::arg("categories"), py::arg("segments") = std::vector<SegmentSpec>())
      .def_static("from_bytes",
                  [](const py::bytes& bytes) { return ProfileHandle{profile_in(bytes).reference}; })
      .def("to_bytes", [](const ProfileHandle& self) { return bytes_out(self.reference, {}); })
      .def_property_readonly("id", [](const ProfileHandle& self) { return self.reference->id; })
      .def("segments",
           [](const ProfileHandle& self) {
             std::vector<std::string> names;
             for (std::size_t i = 0; i < segments_of(*self.reference); ++i) {
               names.push_back(segment_name(*self.reference, i));
             }
             return names;
           })
      .def("streams", [](const ProfileHandle& self) {
        py::list out;
        for (const StreamReference& stream : self.reference->streams) {
          out.append(describe_stream(stream));
        }
        return out;
      });
  bind_drift_window(module);
}

}  // namespace mlops::python
