#include "h2/reply_encoder.h"

#include <algorithm>

namespace mlops {
namespace {

constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kGrpcStatus = "grpc-status";
constexpr std::size_t kEntryOverhead = 32;
constexpr std::size_t kKeptBytes =
    kContentType.size() + kGrpc.size() + kGrpcStatus.size() + 1 + 2 * kEntryOverhead;
constexpr std::uint32_t kTableDefault = 4096;

// First bytes of HPACK's representations, and the bits that are left for the integer.
constexpr unsigned kIndexed = 0x80;
constexpr unsigned kIndexing = 0x40;
constexpr unsigned kTableSize = 0x20;
constexpr unsigned kPlain = 0x00;

// Of HPACK's static table.
constexpr std::size_t kStatus200 = 8;
constexpr std::size_t kStatusName = 8;
constexpr std::size_t kContentTypeName = 31;
constexpr std::size_t kStaticEntries = 61;

void append_integer(std::string& block, unsigned first, unsigned bits, std::size_t value) {
  const std::size_t mask = (std::size_t{1} << bits) - 1;
  if (value < mask) {
    block.push_back(static_cast<char>(first | value));
    return;
  }
  block.push_back(static_cast<char>(first | mask));
  for (value -= mask; value >= 0x80; value >>= 7) {
    block.push_back(static_cast<char>(0x80 | (value & 0x7f)));
  }
  block.push_back(static_cast<char>(value));
}

void append_text(std::string& block, std::string_view text) {
  append_integer(block, kPlain, 7, text.size());  // not Huffman-coded
  block.append(text);
}

void append_literal(std::string& block, unsigned first, unsigned bits, std::string_view name,
                    std::string_view value) {
  const std::size_t known = name == ":status"      ? kStatusName
                            : name == kContentType ? kContentTypeName
                                                   : 0;
  append_integer(block, first, bits, known);
  if (known == 0) append_text(block, name);
  append_text(block, value);
}

}  // namespace

void ReplyEncoder::begin(std::string& block) {
  if (!resize_) return;
  append_integer(block, kTableSize, 5, 0);
  if (*resize_ > 0) append_integer(block, kTableSize, 5, *resize_);
  resize_.reset();
}

void ReplyEncoder::field(std::string& block, std::string_view name, std::string_view value) {
  append_literal(block, kPlain, 4, name, value);
}

void ReplyEncoder::kept_field(std::string& block, Kept& kept, std::string_view name,
                              std::string_view value) {
  if (kept.sent) {
    // The newest entry comes right behind the static ones.
    return append_integer(block, kIndexed, 7, kStaticEntries + (kept_count_ - kept.age));
  }
  if (!may_keep_) return field(block, name, value);
  append_literal(block, kIndexing, 6, name, value);
  kept = {.sent = true, .age = kept_count_++};
}

void ReplyEncoder::ok_head(std::string& block) {
  block.push_back(static_cast<char>(kIndexed | kStatus200));
  kept_field(block, content_type_, kContentType, kGrpc);
}

void ReplyEncoder::ok_trailer(std::string& block) {
  kept_field(block, grpc_status_, kGrpcStatus, "0");
}

// A table that becomes smaller must be acknowledged in the next block, one that becomes larger need
// not be used. Emptying it first saves knowing what is evicted.
void ReplyEncoder::peer_table_size(std::uint32_t bytes) {
  bytes = std::min(bytes, kTableDefault);
  if (bytes >= table_bytes_) return;
  table_bytes_ = bytes;
  resize_ = bytes;
  content_type_ = grpc_status_ = {};
  kept_count_ = 0;
  may_keep_ = bytes >= kKeptBytes;
}

}  // namespace mlops
