#include "protocol/http_raw.h"

#include <charconv>
#include <cstring>
#include <limits>
#include <string>

namespace mlops {
namespace {

constexpr std::string_view kHeader = "Inference-Header-Content-Length";

// The shape of a request of one row: the batch axis is 1, one open axis takes what the bytes give.
Result<Shape> deduce_shape(const TensorSpec& input, bool batchable, std::size_t body_size) {
  Shape shape;
  std::optional<std::size_t> open_axis;
  std::size_t row_bytes = size_of(input.dtype);
  for (std::size_t axis = 0; axis < input.dims.size(); ++axis) {
    const bool batch_axis = batchable && axis == 0;
    const std::int64_t dim = batch_axis ? 1 : input.dims[axis];
    if (!shape.push_back(dim)) return Status::invalid_argument("the model has too many dimensions");
    if (dim != kAnySize) {
      row_bytes *= static_cast<std::size_t>(dim);
      continue;
    }
    if (open_axis) {
      return Status::invalid_argument("The shape of the raw input '" + input.name +
                                      "' can not be deduced because there are more than one "
                                      "variable-sized dimension");
    }
    open_axis = axis;
  }
  if (open_axis) {
    if (row_bytes == 0 || body_size % row_bytes != 0) {
      return Status::invalid_argument("raw input '" + input.name + "' has " +
                                      std::to_string(body_size) + " bytes, not a multiple of " +
                                      std::to_string(row_bytes));
    }
    shape.set(*open_axis, static_cast<std::int64_t>(body_size / row_bytes));
  }
  return shape;
}

// A byte-string input takes the body as its one element, which needs a length before it.
Status take_string(const TensorSpec& input, bool batchable, std::span<const std::byte> body,
                   CopyMeter& copies, Tensor& tensor) {
  const std::size_t skip = batchable ? 1 : 0;
  if (input.dims.size() != skip + 1 || input.dims[skip] != 1) {
    return Status::invalid_argument("For BYTE datatype raw input '" + input.name +
                                    "', the model must have input shape [1]");
  }
  tensor.owner = allocate_buffer(sizeof(std::uint32_t) + body.size());
  if (!tensor.owner) return Status::resource_exhausted("no memory for input tensors");
  const auto length = static_cast<std::uint32_t>(body.size());
  std::memcpy(tensor.owner->data(), &length, sizeof(length));
  if (length != 0) std::memcpy(tensor.owner->data() + sizeof(length), body.data(), length);
  tensor.bytes = writable(tensor.owner);
  tensor.shape = batchable ? Shape{1, 1} : Shape{1};
  copies.add(CopySite::http_body, body.size());
  return {};
}

}  // namespace

bool is_raw_binary_request(std::optional<std::string_view> header_length) {
  if (!header_length) return false;
  const auto length = parse_header_length(*header_length, std::numeric_limits<std::int32_t>::max());
  return length.ok() && *length == 0;
}

Result<std::size_t> parse_header_length(std::string_view text, std::size_t body_size) {
  const std::string shown(text.substr(0, 64));
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return Status::invalid_argument(
        "Unable to parse " + std::string(kHeader) + ", value is out of range [ " +
        std::to_string(std::numeric_limits<std::int32_t>::min()) + ", " +
        std::to_string(std::numeric_limits<std::int32_t>::max()) + " ], got: " + shown);
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return Status::invalid_argument("Unable to parse " + std::string(kHeader) + ", got: " + shown);
  }
  if (value < 0 || static_cast<std::size_t>(value) > body_size) {
    return Status::invalid_argument("inference header size should be in range (0, " +
                                    std::to_string(body_size) + "), got: " + shown);
  }
  return static_cast<std::size_t>(value);
}

Status decode_raw_binary(std::span<const std::byte> body, const ModelInfo* model,
                         const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call) {
  if (!model) return Status::internal("a raw binary request needs the model's signature");
  if (body.size() > limits.body_bytes_max) {
    return Status::invalid_argument("Raw input has a byte_size (" + std::to_string(body.size()) +
                                    " bytes) that exceeds the maximum allowed value of " +
                                    std::to_string(limits.body_bytes_max) +
                                    " bytes. Use --http-max-input-size to increase the limit.");
  }
  const std::vector<TensorSpec>& inputs = model->signature.inputs;
  if (inputs.size() != 1) {
    return Status::invalid_argument(
        "Raw request must only have 1 input (found 1) to be deduced but got " +
        std::to_string(inputs.size()) + " inputs in '" + model->name + "' model configuration");
  }
  const TensorSpec& input = inputs.front();
  if (!input.rank_known) {
    return Status::invalid_argument("The shape of the raw input '" + input.name +
                                    "' can not be deduced because the model does not declare it");
  }
  // The ModelInfo is gone before the request is: the name moves into memory that the request keeps.
  Buffer name = allocate_buffer(input.name.size());
  if (!name) return Status::resource_exhausted("no memory for input tensors");
  std::memcpy(name->data(), input.name.data(), input.name.size());
  NamedTensor& tensor = call.request.inputs.emplace_back();
  tensor.name = {reinterpret_cast<const char*>(name->data()), input.name.size()};
  tensor.tensor.dtype = input.dtype;
  call.request.keep_alive.push_back(std::move(name));
  call.outputs.binary_default = true;
  if (input.dtype == DType::bytes) {
    return take_string(input, model->batchable, body, copies, tensor.tensor);
  }
  auto shape = deduce_shape(input, model->batchable, body.size());
  if (!shape.ok()) return shape.status();
  tensor.tensor.shape = *shape;
  tensor.tensor.bytes = body;
  return {};
}

}  // namespace mlops
