#include "execute/ort_signature.h"

#include <array>
#include <utility>

#include "execute/ort_handles.h"
#include "execute/ort_status.h"

namespace mlops {
namespace {

constexpr std::array<std::pair<DType, ONNXTensorElementDataType>, kDTypeCount> kTypes = {{
    {DType::boolean, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {DType::u8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {DType::u16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    {DType::u32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    {DType::u64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    {DType::i8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {DType::i16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    {DType::i32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {DType::i64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {DType::f16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    {DType::f32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {DType::f64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {DType::bf16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
    {DType::bytes, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
}};

// ONNX's own numbers, so that types newer than the header have a name too.
std::string element_type_name(int type) {
  switch (type) {
    case 14:
      return "complex64";
    case 15:
      return "complex128";
    case 17:
      return "float8e4m3fn";
    case 18:
      return "float8e4m3fnuz";
    case 19:
      return "float8e5m2";
    case 20:
      return "float8e5m2fnuz";
    case 21:
      return "uint4";
    case 22:
      return "int4";
    case 23:
      return "float4e2m1";
    default:
      return "element type " + std::to_string(type);
  }
}

std::string_view kind_name(ONNXType kind) {
  switch (kind) {
    case ONNX_TYPE_SEQUENCE:
      return "a sequence";
    case ONNX_TYPE_MAP:
      return "a map";
    case ONNX_TYPE_OPTIONAL:
      return "an optional";
    case ONNX_TYPE_SPARSETENSOR:
      return "a sparse tensor";
    default:
      return "not a tensor";
  }
}

Status refuse_kind(const std::string& subject, ONNXType kind) {
  std::string text =
      subject + " is " + std::string(kind_name(kind)) + "; only dense tensors can be served";
  if (kind == ONNX_TYPE_SEQUENCE || kind == ONNX_TYPE_MAP) {
    text +=
        ". Classifiers are exported with ZipMap by default: export without it (skl2onnx: "
        "options={'zipmap': False}; onnxmltools: zipmap=False)";
  }
  return Status::unimplemented(std::move(text));
}

// Names travel in JSON and protobuf, which are UTF-8; the file format does not promise it.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3FU);
    }
    if (length == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) return false;
    if (length == 4 && (point < 0x10000 || point > 0x10FFFF)) return false;
    i += length;
  }
  return true;
}

Status read_dims(const OrtApi& api, const OrtTensorTypeAndShapeInfo* info,
                 const std::string& subject, TensorSpec& spec) {
  std::size_t rank = 0;
  if (Status s = ort_failure(api, api.GetDimensionsCount(info, &rank)); !s.ok()) return s;
  if (rank > kMaxRank) {
    return Status::unimplemented(subject + " has " + std::to_string(rank) + " dims; at most " +
                                 std::to_string(kMaxRank) + " are supported");
  }
  spec.dims.resize(rank);
  std::vector<const char*> symbols(rank, "");
  if (Status s = ort_failure(api, api.GetDimensions(info, spec.dims.data(), rank)); !s.ok()) {
    return s;
  }
  if (Status s = ort_failure(api, api.GetSymbolicDimensions(info, symbols.data(), rank)); !s.ok()) {
    return s;
  }
  for (std::int64_t& size : spec.dims) {
    if (size < 0) size = kAnySize;
  }
  for (const char* symbol : symbols)
    spec.symbols.emplace_back(symbol && is_utf8(symbol) ? symbol : "");
  return {};
}

struct Side {
  const char* word;
  OrtStatus* (ORT_API_CALL* OrtApi::*count)(const OrtSession*, size_t*) noexcept;
  OrtStatus* (ORT_API_CALL* OrtApi::*name)(const OrtSession*, size_t, OrtAllocator*,
                                           char**) noexcept;
  OrtStatus* (ORT_API_CALL* OrtApi::*type)(const OrtSession*, size_t, OrtTypeInfo**) noexcept;
};

constexpr Side kInputs = {"input", &OrtApi::SessionGetInputCount, &OrtApi::SessionGetInputName,
                          &OrtApi::SessionGetInputTypeInfo};
constexpr Side kOutputs = {"output", &OrtApi::SessionGetOutputCount, &OrtApi::SessionGetOutputName,
                           &OrtApi::SessionGetOutputTypeInfo};

Result<std::string> read_name(const OrtApi& api, const OrtSession& session, const Side& side,
                              std::size_t index) {
  OrtAllocator* allocator = nullptr;
  if (Status s = ort_failure(api, api.GetAllocatorWithDefaultOptions(&allocator)); !s.ok())
    return s;
  char* text = nullptr;
  if (Status s = ort_failure(api, (api.*side.name)(&session, index, allocator, &text)); !s.ok()) {
    return s;
  }
  std::string name(text);
  if (Status s = ort_failure(api, api.AllocatorFree(allocator, text)); !s.ok()) return s;
  return name;
}

Result<TensorSpec> read_spec(const OrtApi& api, const OrtSession& session, const Side& side,
                             std::size_t index, const std::set<std::string>& shapeless) {
  Result<std::string> name = read_name(api, session, side, index);
  if (!name.ok()) return name.status();
  if (!is_utf8(*name)) {
    return Status::invalid_argument(std::string(side.word) + " " + std::to_string(index) +
                                    " of the model has a name that is not UTF-8");
  }
  TensorSpec spec;
  spec.name = *name;
  const std::string subject = std::string(side.word) + " '" + spec.name + "'";
  OrtTypeInfoHandle type;
  if (Status s = ort_failure(
          api, make(type, api,
                    [&](OrtTypeInfo** out) { return (api.*side.type)(&session, index, out); }));
      !s.ok()) {
    return s;
  }
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  if (Status s = ort_failure(api, api.GetOnnxTypeFromTypeInfo(type.get(), &kind)); !s.ok())
    return s;
  if (kind != ONNX_TYPE_TENSOR) return refuse_kind(subject, kind);
  const OrtTensorTypeAndShapeInfo* info = nullptr;  // owned by `type`
  if (Status s = ort_failure(api, api.CastTypeInfoToTensorInfo(type.get(), &info)); !s.ok())
    return s;
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (Status s = ort_failure(api, api.GetTensorElementType(info, &element)); !s.ok()) return s;
  const auto dtype = dtype_from_ort(element);
  if (!dtype) {
    return Status::unimplemented(subject + " is of " +
                                 element_type_name(static_cast<int>(element)) +
                                 ", which the inference protocol cannot name");
  }
  spec.dtype = *dtype;
  if (Status s = read_dims(api, info, subject, spec); !s.ok()) return s;
  spec.rank_known = !spec.dims.empty() || !shapeless.contains(spec.name);
  return spec;
}

Status read_side(const OrtApi& api, const OrtSession& session, const Side& side,
                 const std::set<std::string>& shapeless, std::vector<TensorSpec>& out) {
  std::size_t count = 0;
  if (Status s = ort_failure(api, (api.*side.count)(&session, &count)); !s.ok()) return s;
  for (std::size_t i = 0; i < count; ++i) {
    Result<TensorSpec> spec = read_spec(api, session, side, i, shapeless);
    if (!spec.ok()) return spec.status();
    out.push_back(*std::move(spec));
  }
  return {};
}

}  // namespace

std::optional<DType> dtype_from_ort(ONNXTensorElementDataType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  return std::nullopt;
}

ONNXTensorElementDataType ort_from_dtype(DType dtype) {
  return kTypes[static_cast<std::size_t>(dtype)].second;
}

Result<Signature> read_ort_signature(const OrtApi& api, const OrtSession& session,
                                     const std::set<std::string>& shapeless) {
  Signature signature;
  if (Status s = read_side(api, session, kInputs, shapeless, signature.inputs); !s.ok()) return s;
  if (Status s = read_side(api, session, kOutputs, shapeless, signature.outputs); !s.ok()) return s;
  return signature;
}

}  // namespace mlops
