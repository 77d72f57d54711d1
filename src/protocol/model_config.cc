#include "protocol/model_config.h"

#include <span>
#include <string>

namespace mlops {
namespace {

inference::DataType data_type(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return inference::TYPE_BOOL;
    case DType::u8:
      return inference::TYPE_UINT8;
    case DType::u16:
      return inference::TYPE_UINT16;
    case DType::u32:
      return inference::TYPE_UINT32;
    case DType::u64:
      return inference::TYPE_UINT64;
    case DType::i8:
      return inference::TYPE_INT8;
    case DType::i16:
      return inference::TYPE_INT16;
    case DType::i32:
      return inference::TYPE_INT32;
    case DType::i64:
      return inference::TYPE_INT64;
    case DType::f16:
      return inference::TYPE_FP16;
    case DType::f32:
      return inference::TYPE_FP32;
    case DType::f64:
      return inference::TYPE_FP64;
    case DType::bf16:
      return inference::TYPE_BF16;
    case DType::bytes:
      return inference::TYPE_STRING;
  }
  return inference::TYPE_INVALID;
}

template <class Tensor>
void fill(Tensor& tensor, const TensorSpec& spec, bool batched) {
  tensor.set_name(spec.name);
  tensor.set_data_type(data_type(spec.dtype));
  std::span<const std::int64_t> dims = spec.dims;
  if (batched && !dims.empty()) dims = dims.subspan(1);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
}

// "onnxruntime_onnx" is the platform of the back end "onnxruntime".
std::string backend_of(const std::string& platform) {
  constexpr std::string_view kSuffix = "_onnx";
  return platform.ends_with(kSuffix) ? platform.substr(0, platform.size() - kSuffix.size())
                                     : platform;
}

}  // namespace

inference::ModelConfig make_model_config(const ModelInfo& info) {
  inference::ModelConfig config;
  config.set_name(info.name);
  config.set_platform(info.platform);
  config.set_backend(backend_of(info.platform));
  config.mutable_version_policy()->mutable_latest()->set_num_versions(1);
  config.set_max_batch_size(info.batchable ? static_cast<std::int32_t>(info.batch_rows_max) : 0);
  const bool batched = config.max_batch_size() > 0;
  for (const TensorSpec& spec : info.signature.inputs) fill(*config.add_input(), spec, batched);
  for (const TensorSpec& spec : info.signature.outputs) fill(*config.add_output(), spec, batched);
  auto& group = *config.add_instance_group();
  group.set_name(info.name + "_0");
  group.set_count(static_cast<std::int32_t>(info.lanes));
  group.set_kind(inference::ModelInstanceGroup::KIND_CPU);
  config.set_default_model_filename("model.onnx");
  if (batched) {
    config.mutable_dynamic_batching()->set_max_queue_delay_microseconds(info.batch_delay_us_max);
  }
  config.mutable_model_transaction_policy();
  config.mutable_response_cache();
  return config;
}

}  // namespace mlops
