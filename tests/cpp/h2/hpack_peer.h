#pragma once
// The other side's HPACK, by nghttp2: what our decoder is fed by, and what our encoder must please.

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <string>
#include <utility>
#include <vector>

#include "h2/frame_bytes.h"

namespace mlops::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

class HpackWriter {
 public:
  HpackWriter() { nghttp2_hd_deflate_new(&deflater_, 4096); }
  ~HpackWriter() { nghttp2_hd_deflate_del(deflater_); }
  HpackWriter(const HpackWriter&) = delete;
  HpackWriter& operator=(const HpackWriter&) = delete;

  void table_size(std::size_t bytes) { nghttp2_hd_deflate_change_table_size(deflater_, bytes); }
  // With `secret` none of them is to be indexed.
  std::string block(const Fields& fields, bool secret = false) {
    std::vector<nghttp2_nv> all;
    for (const auto& [name, value] : fields) {
      all.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(),
                     static_cast<std::uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : 0)});
    }
    std::string block(nghttp2_hd_deflate_bound(deflater_, all.data(), all.size()), '\0');
    const ssize_t size =
        nghttp2_hd_deflate_hd(deflater_, bytes_of(block), block.size(), all.data(), all.size());
    EXPECT_GE(size, 0);
    block.resize(static_cast<std::size_t>(size));
    return block;
  }

 private:
  static std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }
  nghttp2_hd_deflater* deflater_ = nullptr;
};

class HpackReader {
 public:
  HpackReader() { nghttp2_hd_inflate_new(&inflater_); }
  ~HpackReader() { nghttp2_hd_inflate_del(inflater_); }
  HpackReader(const HpackReader&) = delete;
  HpackReader& operator=(const HpackReader&) = delete;

  // As a peer that says so in its settings.
  void table_size(std::size_t bytes) { nghttp2_hd_inflate_change_table_size(inflater_, bytes); }
  Fields fields(std::string_view block) {
    Fields all;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv field{};
      const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      if (taken < 0) {
        ADD_FAILURE() << nghttp2_strerror(static_cast<int>(taken));
        return all;
      }
      at += taken;
      left -= static_cast<std::size_t>(taken);
      if (flags & NGHTTP2_HD_INFLATE_EMIT) {
        all.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                         std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
      }
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return all;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace mlops::testing
