#pragma once
// What the generated protobuf code makes of a ModelInferRequest, and whether the hand-written
// decoder made the same of it. Shared by the unit tests and the fuzz target.

#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "protocol/grpc_infer.h"
#include "protocol/kserve.pb.h"
#include "tensor/byte_strings.h"

namespace mlops::testing {

template <class T, class Field>
std::string packed_as(const Field& values) {
  std::string out;
  for (const auto value : values) {
    const auto element = static_cast<T>(value);
    out.append(reinterpret_cast<const char*>(&element), sizeof(element));
  }
  return out;
}

// The dense bytes of typed contents.
inline std::string reference_bytes(DType dtype, const inference::InferTensorContents& contents) {
  switch (dtype) {
    case DType::boolean:
      return packed_as<std::uint8_t>(contents.bool_contents());
    case DType::i8:
      return packed_as<std::int8_t>(contents.int_contents());
    case DType::i16:
      return packed_as<std::int16_t>(contents.int_contents());
    case DType::i32:
      return packed_as<std::int32_t>(contents.int_contents());
    case DType::i64:
      return packed_as<std::int64_t>(contents.int64_contents());
    case DType::u8:
      return packed_as<std::uint8_t>(contents.uint_contents());
    case DType::u16:
      return packed_as<std::uint16_t>(contents.uint_contents());
    case DType::u32:
      return packed_as<std::uint32_t>(contents.uint_contents());
    case DType::u64:
      return packed_as<std::uint64_t>(contents.uint64_contents());
    case DType::f32:
      return packed_as<float>(contents.fp32_contents());
    case DType::f64:
      return packed_as<double>(contents.fp64_contents());
    case DType::bytes: {
      std::string out;
      for (const std::string& element : contents.bytes_contents()) append_byte_string(out, element);
      return out;
    }
    default:
      return {};
  }
}

inline std::string describe(const inference::InferParameter& value) {
  using Choice = inference::InferParameter::ParameterChoiceCase;
  switch (value.parameter_choice_case()) {
    case Choice::kBoolParam:
      return value.bool_param() ? "b1" : "b0";
    case Choice::kInt64Param:
      return "i" + std::to_string(value.int64_param());
    case Choice::kUint64Param:
      return "u" + std::to_string(value.uint64_param());
    case Choice::kDoubleParam: {
      const double number = value.double_param();
      return "d" + std::string(reinterpret_cast<const char*>(&number), sizeof(number));
    }
    case Choice::kStringParam:
      return "s" + value.string_param();
    default:
      return "none";
  }
}

inline std::string describe(const ParameterValue& value) {
  switch (value.index()) {
    case 0:
      return std::get<bool>(value) ? "b1" : "b0";
    case 1:
      return "i" + std::to_string(std::get<std::int64_t>(value));
    case 2:
      return "u" + std::to_string(std::get<std::uint64_t>(value));
    case 3: {
      const double number = std::get<double>(value);
      return "d" + std::string(reinterpret_cast<const char*>(&number), sizeof(number));
    }
    default:
      return "s" + std::get<std::string>(value);
  }
}

inline std::string differing_parameters(const inference::ModelInferRequest& expected,
                                        const GrpcInferCall& got) {
  std::map<std::string, std::string> want;
  for (const auto& [name, value] : expected.parameters()) want[name] = describe(value);
  std::map<std::string, std::string> have;
  for (const Parameter& parameter : got.request.parameters) {
    have[parameter.name] = describe(parameter.value);
  }
  if (want.contains("timeout")) have["timeout"] = "i" + std::to_string(got.timeout_us);
  return want == have ? "" : "parameters";
}

inline std::string differing_inputs(const inference::ModelInferRequest& expected,
                                    const Request& got) {
  if (static_cast<std::size_t>(expected.inputs_size()) != got.inputs.size()) return "input count";
  for (int i = 0; i < expected.inputs_size(); ++i) {
    const auto& want = expected.inputs(i);
    const NamedTensor& have = got.inputs[static_cast<std::size_t>(i)];
    if (want.name() != have.name) return "input name";
    if (want.datatype() != kserve_name(have.tensor.dtype)) return "input datatype";
    if (Shape::from({want.shape().data(), static_cast<std::size_t>(want.shape_size())}) !=
        have.tensor.shape) {
      return "input shape";
    }
    const bool raw = expected.raw_input_contents_size() > 0;
    const std::string bytes =
        raw ? expected.raw_input_contents(i) : reference_bytes(have.tensor.dtype, want.contents());
    const std::string_view got_bytes(reinterpret_cast<const char*>(have.tensor.bytes.data()),
                                     have.tensor.bytes.size());
    if (bytes != got_bytes) return "input bytes";
  }
  return {};
}

// "" when the decoder's answer to `message` is right: what it accepts is what protobuf reads, and
// what it calls malformed protobuf cannot read. Refusals for other reasons are its own business.
inline std::string disagreement(std::string_view message, const Status& status,
                                const GrpcInferCall& got) {
  inference::ModelInferRequest expected;
  const bool readable = expected.ParseFromArray(message.data(), static_cast<int>(message.size()));
  if (!status.ok()) {
    const bool malformed = status.message().starts_with("malformed");
    return malformed && readable ? "called malformed, but protobuf reads it" : "";
  }
  if (!readable) return "accepted, but protobuf cannot read it";
  const Request& request = got.request;
  if (expected.model_name() != request.model) return "model name";
  if (expected.id() != request.id) return "id";
  if (static_cast<std::size_t>(expected.outputs_size()) != request.outputs.size()) return "outputs";
  for (int i = 0; i < expected.outputs_size(); ++i) {
    if (expected.outputs(i).name() != request.outputs[static_cast<std::size_t>(i)]) return "output";
  }
  const std::string inputs = differing_inputs(expected, request);
  return inputs.empty() ? differing_parameters(expected, got) : inputs;
}

}  // namespace mlops::testing
