#include "protocol/grpc_infer.h"
#include "protocol/wire_writer.h"

namespace mlops {
namespace {

// Fields of ModelStreamInferResponse.
enum StreamField : std::uint32_t { kError = 1, kResponse = 2 };

// What goes before the message of `reply`: the gRPC prefix and the fields in front of it. Pieces
// move with the text that they stand behind.
void put_in_front(GrpcInferReply& reply, std::string_view fields) {
  std::string head(kGrpcPrefixBytes, '\0');
  head.append(fields);
  const std::size_t message_size = reply.size - kGrpcPrefixBytes + fields.size();
  for (std::size_t i = 1; i < kGrpcPrefixBytes; ++i) {
    head[i] = static_cast<char>(message_size >> 8 * (kGrpcPrefixBytes - 1 - i));
  }
  reply.text.replace(0, kGrpcPrefixBytes, head);
  for (GrpcInferReply::Piece& piece : reply.pieces) piece.text_end += fields.size();
  reply.size += fields.size();
}

}  // namespace

Result<GrpcInferReply> encode_grpc_stream_infer(Response&& response, bool last) {
  const std::string error(response.status.ok() ? std::string_view() : response.status.message());
  if (!response.status.ok()) response.outputs.clear();
  response.parameters.push_back({"triton_final_response", last});
  Result<GrpcInferReply> reply = encode_grpc_infer(response);
  if (!reply.ok()) return reply;
  std::string fields;
  append_text_field(fields, kError, error);
  append_tag(fields, kResponse, Wire::bytes);
  append_varint(fields, reply->size - kGrpcPrefixBytes);
  put_in_front(*reply, fields);
  return reply;
}

}  // namespace mlops
