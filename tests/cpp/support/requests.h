#pragma once
// Requests and signatures for tests, with memory that lives as long as they do.

#include <cstring>
#include <string>
#include <vector>

#include "request/request.h"
#include "tensor/byte_strings.h"
#include "tensor/signature.h"

namespace mlops::testing {

inline TensorSpec spec(std::string name, DType dtype, std::vector<std::int64_t> dims,
                       const std::string& batch_symbol = "batch") {
  TensorSpec made;
  made.name = std::move(name);
  made.dtype = dtype;
  made.symbols.resize(dims.size());
  if (!dims.empty() && dims[0] == kAnySize) made.symbols[0] = batch_symbol;
  made.dims = std::move(dims);
  return made;
}

// One input "in" and one output "out" of the same type and dims.
inline Signature echo_signature(DType dtype = DType::f32,
                                std::vector<std::int64_t> dims = {kAnySize, 4}) {
  return {{spec("in", dtype, dims)}, {spec("out", dtype, dims)}};
}

template <class T>
Tensor dense(DType dtype, Shape shape, const std::vector<T>& values) {
  Tensor tensor{dtype, shape, {}, allocate_buffer(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(tensor.owner->data(), values.data(), values.size() * sizeof(T));
  tensor.bytes = {tensor.owner->data(), values.size() * sizeof(T)};
  return tensor;
}

inline Tensor strings(Shape shape, const std::vector<std::string>& values) {
  std::string packed;
  for (const std::string& value : values) append_byte_string(packed, value);
  Tensor tensor = dense(DType::bytes, shape, std::vector<char>(packed.begin(), packed.end()));
  return tensor;
}

template <class T>
std::vector<T> values_of(const Tensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

inline std::vector<std::string> strings_of(const Tensor& tensor) {
  std::vector<std::string> values;
  ByteStringReader reader(tensor.bytes);
  while (auto element = reader.next()) values.emplace_back(*element);
  return values;
}

inline Request request_for(std::string model, Tensor input, std::string_view input_name = "in") {
  Request request;
  request.model = std::move(model);
  request.inputs.push_back({input_name, std::move(input)});
  return request;
}

// `rows` rows of 4 floats: first, first + 1, ...
inline Tensor float_rows(std::int64_t rows, float first) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < rows * 4; ++i) values.push_back(first + static_cast<float>(i));
  return dense(DType::f32, Shape{rows, 4}, values);
}

}  // namespace mlops::testing
