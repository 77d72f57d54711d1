#include "observe/stage.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

#include "tensor/byte_strings.h"
#include "tensor/half.h"

namespace mlops {
namespace {

struct Half {
  std::uint16_t bits;
};
struct Brain {
  std::uint16_t bits;
};

float as_float(double number) { return nearest_float(number); }
float as_float(Half half) { return half_to_float(half.bits); }
float as_float(Brain brain) { return bf16_to_float(brain.bits); }
template <std::integral Integer>
float as_float(Integer number) {
  return static_cast<float>(number);
}

template <class T>
double as_double(T number) {
  if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<double>(number);
  } else {
    return static_cast<double>(as_float(number));
  }
}

struct Place {
  const std::byte* bytes;  // the first row's element of the first column
  std::size_t columns;     // elements from row to row
  std::size_t rows;
  float* tile;
  std::size_t stride;
};

template <class T>
T load(const std::byte* at) {  // a request's body need not be aligned
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T>
void stage_numbers(const ColumnRun& run, const Place& place) {
  for (std::size_t row = 0; row < place.rows; ++row) {
    const std::byte* from = place.bytes + row * place.columns * sizeof(T);
    float* const to = place.tile + row * place.stride;
    if constexpr (std::is_same_v<T, float>) {
      std::memcpy(to, from, run.count * sizeof(float));
    } else {
      for (std::size_t i = 0; i < run.count; ++i) to[i] = as_float(load<T>(from + i * sizeof(T)));
    }
  }
}

template <class T>
void stage_codes(const ColumnRun& run, const Place& place) {
  for (std::size_t row = 0; row < place.rows; ++row) {
    const T value = load<T>(place.bytes + row * place.columns * sizeof(T));
    place.tile[row * place.stride] = run.codes->code_of(as_double(value));
  }
}

template <class T>
void stage_type(const ColumnRun& run, Place place, std::size_t first) {
  place.bytes += (first * place.columns + run.from) * sizeof(T);
  if (run.codes) {
    stage_codes<T>(run, place);
  } else {
    stage_numbers<T>(run, place);
  }
}

bool stage_strings(const ColumnRun& run, const Place& place, std::span<const std::byte> bytes,
                   std::size_t first) {
  ByteStringReader reader(bytes);
  const std::size_t end = (first + place.rows) * place.columns;
  for (std::size_t i = 0; i < end; ++i) {
    const auto text = reader.next();
    if (!text) return false;
    if (i < first * place.columns || i % place.columns != run.from) continue;
    place.tile[(i / place.columns - first) * place.stride] = run.codes->code_of(*text);
  }
  return true;
}

Status cannot(const StreamName& name, const char* why) {
  return Status::invalid_argument("the reference's stream '" + name.label + "' (column " +
                                  std::to_string(name.column) + " of '" + name.tensor + "') " +
                                  why);
}

Result<ColumnRun> find_column(const StreamReference& stream, const Signature& signature) {
  const StreamName& name = stream.name;
  const bool input = name.role == StreamRole::input;
  const auto tensor =
      input ? signature.input_index(name.tensor) : signature.output_index(name.tensor);
  if (!tensor) return cannot(name, "is not of this model");
  const TensorSpec& spec = input ? signature.inputs[*tensor] : signature.outputs[*tensor];
  const auto elements = columns_of(spec);
  if (!elements || name.column >= *elements) return cannot(name, "is no column of the tensor");
  ColumnRun run{name.role, *tensor, name.column, 0, 1, nullptr};
  if (stream.counts.kind == StreamKind::categorical) {
    run.codes = std::make_shared<const CategoryCodes>(stream.categories);
  }
  if ((spec.dtype == DType::bytes) != (run.codes && run.codes->of_strings())) {
    return cannot(name, "is of strings on one side alone");
  }
  return run;
}

bool continues(const ColumnRun& run, const ColumnRun& next) {
  return !run.codes && !next.codes && run.role == next.role && run.tensor == next.tensor &&
         run.from + run.count == next.from;
}

}  // namespace

std::optional<std::size_t> columns_of(const TensorSpec& spec) {
  std::size_t elements = 1;
  if (!spec.rank_known) return std::nullopt;
  for (std::size_t axis = 1; axis < spec.dims.size(); ++axis) {
    if (spec.dims[axis] < 0) return std::nullopt;
    elements *= static_cast<std::size_t>(spec.dims[axis]);
  }
  return elements;
}

float nearest_float(double number) {
  constexpr double kMost = std::numeric_limits<float>::max();
  if (!std::isfinite(number)) return static_cast<float>(number);
  return static_cast<float>(std::clamp(number, -kMost, kMost));
}

Result<std::vector<ColumnRun>> plan_columns(const Reference& reference,
                                            const Signature& signature) {
  std::vector<ColumnRun> runs;
  for (std::size_t i = 0; i < reference.streams.size(); ++i) {
    Result<ColumnRun> found = find_column(reference.streams[i], signature);
    if (!found.ok()) return found.status();
    found->to = i;
    if (!runs.empty() && continues(runs.back(), *found)) {
      ++runs.back().count;
    } else {
      runs.push_back(*std::move(found));
    }
  }
  return runs;
}

bool stage_run(const ColumnRun& run, const Tensor& tensor, std::size_t columns, std::size_t first,
               std::size_t rows, float* tile, std::size_t stride) {
  const Place place{tensor.bytes.data(), columns, rows, tile, stride};
  switch (tensor.dtype) {
    case DType::f32:
      stage_type<float>(run, place, first);
      return true;
    case DType::f64:
      stage_type<double>(run, place, first);
      return true;
    case DType::f16:
      stage_type<Half>(run, place, first);
      return true;
    case DType::bf16:
      stage_type<Brain>(run, place, first);
      return true;
    case DType::boolean:
    case DType::u8:
      stage_type<std::uint8_t>(run, place, first);
      return true;
    case DType::u16:
      stage_type<std::uint16_t>(run, place, first);
      return true;
    case DType::u32:
      stage_type<std::uint32_t>(run, place, first);
      return true;
    case DType::u64:
      stage_type<std::uint64_t>(run, place, first);
      return true;
    case DType::i8:
      stage_type<std::int8_t>(run, place, first);
      return true;
    case DType::i16:
      stage_type<std::int16_t>(run, place, first);
      return true;
    case DType::i32:
      stage_type<std::int32_t>(run, place, first);
      return true;
    case DType::i64:
      stage_type<std::int64_t>(run, place, first);
      return true;
    case DType::bytes:
      return stage_strings(run, place, tensor.bytes, first);
  }
  return false;
}

}  // namespace mlops
