#include "grpc/reply_body.h"

#include <algorithm>

namespace mlops {

void ReplyBody::set(GrpcInferReply&& reply) {
  reply_ = std::move(reply);
  begin();
}

void ReplyBody::begin() {
  left_ = reply_.size;
  piece_ = text_at_ = tensor_at_ = 0;
}

void ReplyBody::set_message(std::string_view message) {
  GrpcInferReply reply;
  const auto size = static_cast<std::uint32_t>(message.size());
  reply.text.reserve(kGrpcPrefixBytes + message.size());
  reply.text.push_back('\0');
  for (const int shift : {24, 16, 8, 0}) reply.text.push_back(static_cast<char>(size >> shift));
  reply.text.append(message);
  reply.size = reply.text.size();
  set(std::move(reply));
}

bool ReplyBody::compress(Coding coding) {
  std::vector<std::span<const std::byte>> pieces;
  const std::span<const std::byte> text = std::as_bytes(std::span(reply_.text));
  std::size_t at = kGrpcPrefixBytes;
  for (const GrpcInferReply::Piece& piece : reply_.pieces) {
    pieces.push_back(text.subspan(at, piece.text_end - at));
    pieces.push_back(piece.tensor.bytes);
    at = piece.text_end;
  }
  pieces.push_back(text.subspan(at));
  const std::string smaller = mlops::compress(coding, pieces);
  if (smaller.empty()) return false;
  set_message(smaller);
  reply_.text[0] = 1;
  return true;
}

void ReplyBody::take(std::size_t bytes, OutQueue& out) {
  left_ -= bytes;
  while (bytes > 0) {
    const bool in_piece = piece_ < reply_.pieces.size();
    const std::size_t text_end = in_piece ? reply_.pieces[piece_].text_end : reply_.text.size();
    if (text_at_ < text_end) {
      const std::size_t part = std::min(bytes, text_end - text_at_);
      out.append(std::string_view(reply_.text).substr(text_at_, part));
      text_at_ += part;
      bytes -= part;
      continue;
    }
    if (!in_piece) return;  // a reply shorter than it said: never asked for more than left()
    const Tensor& tensor = reply_.pieces[piece_].tensor;
    const std::size_t part = std::min(bytes, tensor.bytes.size() - tensor_at_);
    out.append_view(tensor.bytes.subspan(tensor_at_, part), tensor.owner);
    tensor_at_ += part;
    bytes -= part;
    if (tensor_at_ == tensor.bytes.size()) {
      ++piece_;
      tensor_at_ = 0;
    }
  }
}

}  // namespace mlops
