#pragma once
// HPACK for what we send: a server of gRPC says the same two things in nearly every reply, so those
// are put into the peer's table once and are one byte each from then on. All else is sent as it is,
// changes no table and needs no memory. One connection's, one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlops {

class ReplyEncoder {
 public:
  // Appends the field to a block that begin() began.
  void field(std::string& block, std::string_view name, std::string_view value);
  // The fields of every good reply: ":status: 200" and "content-type: application/grpc".
  void ok_head(std::string& block);
  // And its trailer: "grpc-status: 0".
  void ok_trailer(std::string& block);
  void begin(std::string& block);

  // The peer's SETTINGS_HEADER_TABLE_SIZE.
  void peer_table_size(std::uint32_t bytes);

 private:
  struct Kept {
    bool sent = false;
    std::size_t age = 0;  // how many were sent before it
  };

  void kept_field(std::string& block, Kept& kept, std::string_view name, std::string_view value);

  Kept content_type_;
  Kept grpc_status_;
  std::size_t kept_count_ = 0;
  bool may_keep_ = true;  // both fit into the table
  // The table is to be emptied and then be of this size, says the next block.
  std::optional<std::uint32_t> resize_;
  std::uint32_t table_bytes_ = 4096;
};

}  // namespace mlops
