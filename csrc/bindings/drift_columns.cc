#include "bindings/drift_columns.h"

#include <cstring>
#include <limits>

#include "bindings/array_in.h"
#include "observe/stage.h"
#include "tensor/byte_strings.h"

namespace mlops::python {
namespace {

bool is_missing(const std::vector<bool>& missing, std::size_t row) {
  return row < missing.size() && missing[row];
}

template <class T>
double number_at(const std::byte* bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

// Of the types that a float cannot hold exactly; nullopt for those that it can.
std::optional<double> wide_number(const DriftArray& array, std::size_t index) {
  const std::byte* const bytes = array.tensor.bytes.data();
  switch (array.tensor.dtype) {
    case DType::f64:
      return number_at<double>(bytes, index);
    case DType::i64:
      return number_at<std::int64_t>(bytes, index);
    case DType::u64:
      return number_at<std::uint64_t>(bytes, index);
    case DType::i32:
      return number_at<std::int32_t>(bytes, index);
    case DType::u32:
      return number_at<std::uint32_t>(bytes, index);
    default:
      return std::nullopt;
  }
}

}  // namespace

Status drift_array(std::string_view name, PyObject* value, DriftArray& array) {
  Request request;
  CopyMeter copies;  // nobody's: these are not a request's
  const Object text =
      Object::steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  if (!text) return python_error();
  if (Status s = add_input(text.get(), value, copies, request); !s.ok()) return s;
  array.tensor = std::move(request.inputs.front().tensor);
  const Shape& shape = array.tensor.shape;
  if (shape.rank() < 1 || shape.rank() > 2) {
    return Status::invalid_argument("'" + std::string(name) + "' has " +
                                    std::to_string(shape.rank()) +
                                    " dimensions; rows, or rows and columns are wanted");
  }
  array.rows = static_cast<std::size_t>(shape[0]);
  array.columns = shape.rank() == 2 ? static_cast<std::size_t>(shape[1]) : 1;
  return {};
}

Result<std::vector<float>> drift_floats(const DriftArray& array, const CategoryCodes* codes,
                                        const std::vector<bool>& missing) {
  if ((array.tensor.dtype == DType::bytes) != (codes && codes->of_strings())) {
    return Status::invalid_argument(
        array.tensor.dtype == DType::bytes
            ? "a column of strings is counted as numbers in the reference"
            : "a column of numbers is one of strings in the reference");
  }
  std::vector<float> floats(array.rows);
  ColumnRun run;
  if (codes) run.codes = std::shared_ptr<const CategoryCodes>(std::shared_ptr<void>(), codes);
  if (!stage_run(run, array.tensor, array.columns, 0, array.rows, floats.data(), 1)) {
    return Status::invalid_argument("a column's strings are cut short");
  }
  for (std::size_t row = 0; row < missing.size() && row < floats.size(); ++row) {
    if (missing[row]) floats[row] = std::numeric_limits<float>::quiet_NaN();
  }
  return floats;
}

std::vector<double> drift_doubles(const DriftArray& array, const std::vector<bool>& missing) {
  const Result<std::vector<float>> floats = drift_floats(array, nullptr, missing);
  std::vector<double> doubles(array.rows, std::numeric_limits<double>::quiet_NaN());
  if (!floats.ok()) return doubles;
  for (std::size_t row = 0; row < array.rows; ++row) {
    if (is_missing(missing, row)) continue;
    const auto wide = wide_number(array, row * array.columns);
    doubles[row] = wide ? *wide : static_cast<double>((*floats)[row]);
  }
  return doubles;
}

std::vector<std::string_view> drift_strings(const DriftArray& array,
                                            const std::vector<bool>& missing) {
  std::vector<std::string_view> strings(array.rows);
  ByteStringReader reader(array.tensor.bytes);
  for (std::size_t row = 0; row < array.rows; ++row) {
    const auto text = reader.next();
    if (text && !is_missing(missing, row)) {
      // An empty text is one, and not missing.
      strings[row] = text->data() ? *text : std::string_view("");
    }
  }
  return strings;
}

}  // namespace mlops::python
