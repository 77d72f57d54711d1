#pragma once
// Header blocks of one connection, decompressed by nghttp2's HPACK decoder and remembered: see
// head_memo.h. Every block of the connection must come through here, also one that nobody will
// answer, for the table is shared. One thread.

#include <nghttp2/nghttp2.h>

#include <memory>
#include <span>

#include "h2/field_list.h"
#include "h2/field_rules.h"
#include "h2/frame.h"
#include "h2/head_memo.h"

namespace mlops {

class BlockDecoder {
 public:
  BlockDecoder();

  bool usable() const { return inflater_ != nullptr; }  // false: memory was gone

  // What the block means, when that is known; then it needs no decoding. `block` is complete.
  const RequestHeadRef* known(std::span<const std::byte> block) { return memo_.find(block); }
  void remember(std::span<const std::byte> block, const RequestHeadRef& head) {
    if (table_untouched_) memo_.offer(block, head);
  }

  // One block after the other: begin(), then its parts. An error ends the connection.
  void begin(FieldRules::Of of, std::size_t bytes_max);
  Http2Error decode(std::span<const std::byte> part, bool whole, bool last);

  // Of the last block.
  const FieldList& fields() const { return fields_; }
  const FieldRules& rules() const { return rules_; }
  std::size_t block_bytes() const { return block_bytes_; }

  const HeadMemo& memo() const { return memo_; }

 private:
  struct Deleter {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };

  std::unique_ptr<nghttp2_hd_inflater, Deleter> inflater_;
  HeadMemo memo_;
  FieldList fields_;
  FieldRules rules_{FieldRules::Of::request};
  std::size_t block_bytes_ = 0;
  bool table_untouched_ = false;  // by the last block
};

}  // namespace mlops
