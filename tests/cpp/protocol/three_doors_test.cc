// One random request, four spellings: JSON, HTTP binary, gRPC raw, gRPC typed. All must mean the
// same.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "decoding.h"
#include "protocol/json_text.h"
#include "protocol/kserve.pb.h"

namespace mlops {
namespace {

using inference::InferTensorContents;
using testing::decode_grpc;
using testing::decode_http;
using testing::decode_http_binary;
using testing::text_of;
using testing::values_of;

struct Wanted {
  std::string name;
  Tensor tensor;
};

class RequestMaker {
 public:
  explicit RequestMaker(std::uint64_t seed) : random_(seed) {}

  std::vector<Wanted> inputs() {
    std::vector<Wanted> made(1 + random_() % 3);
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i].name = "in\"put " + std::to_string(i);
      made[i].tensor = tensor();
    }
    return made;
  }

 private:
  Tensor tensor() {
    DType dtype = static_cast<DType>(random_() % kDTypeCount);
    if (dtype == DType::f16 || dtype == DType::bf16) dtype = DType::f32;  // no JSON form
    Shape shape;
    for (std::uint64_t rank = random_() % 4; rank > 0; --rank) {
      shape.push_back(static_cast<std::int64_t>(random_() % 4));
    }
    const auto count = static_cast<std::size_t>(*shape.elements());
    if (dtype == DType::bytes) return testing::strings(shape, words(count));
    std::vector<std::uint8_t> bytes(count * size_of(dtype));
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    if (dtype == DType::boolean) {
      for (auto& byte : bytes) byte &= 1;
    }
    Tensor made = testing::dense(dtype, shape, bytes);
    // NaN has payloads that text does not carry.
    if (dtype == DType::f32) replace_nan<float>(made);
    if (dtype == DType::f64) replace_nan<double>(made);
    return made;
  }

  std::vector<std::string> words(std::size_t count) {
    const std::vector<std::string> kinds = {
        "", "plain", std::string("nul\0", 4), "\"\\\n\x01", "\xF0\x9F\x98\x80", "é"};
    std::vector<std::string> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(kinds[random_() % kinds.size()]);
    return made;
  }

  template <class T>
  static void replace_nan(Tensor& tensor) {
    auto* values = reinterpret_cast<T*>(tensor.owner->data());
    for (std::size_t i = 0; i < tensor.bytes.size() / sizeof(T); ++i) {
      if (std::isnan(values[i])) values[i] = T{-0.0F};
    }
  }

  std::mt19937_64 random_;
};

constexpr const char* kTail = R"(],"id":"r","parameters":{"timeout":7},"outputs":[{"name":"o"}]})";

std::string head_of(const Wanted& input, bool first) {
  std::string json = first ? "{\"name\":" : ",{\"name\":";
  append_json_string(json, input.name);
  json.append(",\"datatype\":\"").append(kserve_name(input.tensor.dtype)).append("\",\"shape\":");
  append_json_shape(json, input.tensor.shape);
  return json;
}

std::string as_json(const std::vector<Wanted>& inputs) {
  std::string json = "{\"inputs\":[";
  for (const Wanted& input : inputs) {
    json += head_of(input, json.back() == '[') + ",\"data\":";
    EXPECT_TRUE(append_json_data(json, input.tensor));
    json += '}';
  }
  return json + kTail;
}

std::pair<std::string, std::string> as_binary(const std::vector<Wanted>& inputs) {
  std::string json = "{\"inputs\":[";
  std::string tail;
  for (const Wanted& input : inputs) {
    json += head_of(input, json.back() == '[') +
            ",\"parameters\":{\"binary_data_size\":" + std::to_string(input.tensor.bytes.size()) +
            "}}";
    tail += text_of(input.tensor);
  }
  return {json + kTail, tail};
}

template <class T, class Add>
void add_all(const Tensor& tensor, const Add& add) {
  for (const T value : values_of<T>(tensor)) add(value);
}

void add_contents(const Tensor& tensor, InferTensorContents& out) {
  switch (tensor.dtype) {
    case DType::boolean:
      return add_all<std::uint8_t>(tensor, [&](auto v) { out.add_bool_contents(v != 0); });
    case DType::i8:
      return add_all<std::int8_t>(tensor, [&](auto v) { out.add_int_contents(v); });
    case DType::i16:
      return add_all<std::int16_t>(tensor, [&](auto v) { out.add_int_contents(v); });
    case DType::i32:
      return add_all<std::int32_t>(tensor, [&](auto v) { out.add_int_contents(v); });
    case DType::i64:
      return add_all<std::int64_t>(tensor, [&](auto v) { out.add_int64_contents(v); });
    case DType::u8:
      return add_all<std::uint8_t>(tensor, [&](auto v) { out.add_uint_contents(v); });
    case DType::u16:
      return add_all<std::uint16_t>(tensor, [&](auto v) { out.add_uint_contents(v); });
    case DType::u32:
      return add_all<std::uint32_t>(tensor, [&](auto v) { out.add_uint_contents(v); });
    case DType::u64:
      return add_all<std::uint64_t>(tensor, [&](auto v) { out.add_uint64_contents(v); });
    case DType::f32:
      return add_all<float>(tensor, [&](auto v) { out.add_fp32_contents(v); });
    case DType::f64:
      return add_all<double>(tensor, [&](auto v) { out.add_fp64_contents(v); });
    default:
      for (const std::string& v : testing::strings_of(tensor)) out.add_bytes_contents(v);
  }
}

std::string as_grpc(const std::vector<Wanted>& inputs, bool raw) {
  inference::ModelInferRequest message;
  message.set_model_name("m");
  message.set_id("r");
  (*message.mutable_parameters())["timeout"].set_int64_param(7);
  message.add_outputs()->set_name("o");
  for (const Wanted& wanted : inputs) {
    auto& input = *message.add_inputs();
    input.set_name(wanted.name);
    input.set_datatype(std::string(kserve_name(wanted.tensor.dtype)));
    for (const std::int64_t dim : wanted.tensor.shape.dims()) input.add_shape(dim);
    if (raw) {
      message.add_raw_input_contents(text_of(wanted.tensor));
    } else {
      add_contents(wanted.tensor, *input.mutable_contents());
    }
  }
  return message.SerializeAsString();
}

template <class Call>
void expect_same(const std::vector<Wanted>& inputs, const testing::Decoded<Call>& got) {
  ASSERT_TRUE(got.status.ok()) << got.error();
  const Request& request = got.request();
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.id, "r");
  EXPECT_EQ(got.call.timeout_us, 7u);
  EXPECT_EQ(request.outputs, (std::vector<std::string_view>{"o"}));
  EXPECT_TRUE(request.parameters.empty());
  ASSERT_EQ(request.inputs.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(request.inputs[i].name, inputs[i].name);
    EXPECT_EQ(request.inputs[i].tensor.dtype, inputs[i].tensor.dtype);
    EXPECT_EQ(request.inputs[i].tensor.shape, inputs[i].tensor.shape);
    EXPECT_EQ(text_of(request.inputs[i].tensor), text_of(inputs[i].tensor))
        << kserve_name(inputs[i].tensor.dtype);
  }
}

TEST(ThreeDoors, OneMeaning) {
  RequestMaker maker(3);
  for (int round = 0; round < 3'000 && !HasFailure(); ++round) {
    const std::vector<Wanted> inputs = maker.inputs();
    const auto [json, tail] = as_binary(inputs);
    expect_same(inputs, decode_http(as_json(inputs)));
    expect_same(inputs, decode_http_binary(json, tail));
    expect_same(inputs, decode_grpc(as_grpc(inputs, true)));
    expect_same(inputs, decode_grpc(as_grpc(inputs, false)));
  }
}

}  // namespace
}  // namespace mlops
