#include <limits>
#include <string>

#include "protocol/grpc_infer.h"
#include "protocol/grpc_parameters.h"
#include "protocol/wire_writer.h"

namespace mlops {
namespace {

// Fields of ModelInferResponse.
enum ResponseField : std::uint32_t {
  kModel = 1,
  kVersionField = 2,
  kId = 3,
  kParameters = 4,
  kOutputs = 5,
  kRaw = 6
};

constexpr std::size_t kKeptText = 4096;
constexpr std::size_t kKeptPieces = 16;

std::size_t dims_size(const Shape& shape) {
  std::size_t size = 0;
  for (const std::int64_t dim : shape.dims()) size += varint_size(static_cast<std::uint64_t>(dim));
  return size;
}

void append_output(std::string& out, const NamedTensor& output) {
  const std::string_view datatype = kserve_name(output.tensor.dtype);
  const std::size_t dims = dims_size(output.tensor.shape);
  const std::size_t shape_field = dims == 0 ? 0 : 1 + varint_size(dims) + dims;
  append_tag(out, kOutputs, Wire::bytes);
  append_varint(out, text_field_size(output.name) + text_field_size(datatype) + shape_field);
  append_text_field(out, 1, output.name);
  append_text_field(out, 2, datatype);
  if (dims == 0) return;
  append_tag(out, 3, Wire::bytes);
  append_varint(out, dims);
  for (const std::int64_t dim : output.tensor.shape.dims()) {
    append_varint(out, static_cast<std::uint64_t>(dim));
  }
}

void write_prefix(std::string& text, std::size_t message_size) {
  text[0] = 0;  // not compressed
  for (std::size_t i = 1; i < kGrpcPrefixBytes; ++i) {
    text[i] = static_cast<char>(message_size >> 8 * (kGrpcPrefixBytes - 1 - i));
  }
}

}  // namespace

void GrpcInferReply::clear() {
  if (text.capacity() > kKeptText) text = {};
  if (pieces.capacity() > kKeptPieces) pieces = {};
  text.clear();
  pieces.clear();
  size = 0;
}

Result<GrpcInferReply> encode_grpc_infer(const Response& response) {
  GrpcInferReply reply;
  if (Status encoded = encode_grpc_infer(response, reply); !encoded.ok()) return encoded;
  return reply;
}

Status encode_grpc_infer(const Response& response, GrpcInferReply& reply) {
  std::string& text = reply.text;
  text.reserve(64 + response.model.size() + response.id.size() + 64 * response.outputs.size());
  text.resize(kGrpcPrefixBytes);
  append_text_field(text, kModel, response.model);
  // A failure on a stream may be about a request that named no version.
  if (response.version >= 0)
    append_text_field(text, kVersionField, std::to_string(response.version));
  append_text_field(text, kId, response.id);
  append_parameters(text, kParameters, response.parameters);
  for (const NamedTensor& output : response.outputs) append_output(text, output);
  reply.pieces.reserve(response.outputs.size());
  std::size_t raw_size = 0;
  for (const NamedTensor& output : response.outputs) {
    append_tag(text, kRaw, Wire::bytes);
    append_varint(text, output.tensor.bytes.size());
    reply.pieces.push_back({text.size(), output.tensor});
    raw_size += output.tensor.bytes.size();
  }
  reply.size = text.size() + raw_size;
  const std::size_t message_size = reply.size - kGrpcPrefixBytes;
  if (message_size > std::numeric_limits<std::int32_t>::max()) {
    return Status::resource_exhausted("the response takes " + std::to_string(message_size) +
                                      " bytes, more than a gRPC message can hold");
  }
  write_prefix(text, message_size);
  return {};
}

}  // namespace mlops
