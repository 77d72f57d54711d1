#include "h2/block_decoder.h"

namespace mlops {

BlockDecoder::BlockDecoder() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) == 0) inflater_.reset(inflater);
}

void BlockDecoder::begin(FieldRules::Of of, std::size_t bytes_max) {
  fields_.clear(bytes_max);
  rules_ = FieldRules(of);
  block_bytes_ = 0;
  table_untouched_ = false;
}

Http2Error BlockDecoder::decode(std::span<const std::byte> part, bool whole, bool last) {
  block_bytes_ += part.size();
  table_untouched_ = whole && leaves_table_alone(part);
  if (!table_untouched_) memo_.clear();
  const auto* at = reinterpret_cast<const std::uint8_t*>(part.data());
  std::size_t left = part.size();
  while (true) {
    nghttp2_nv field{};
    int flags = 0;
    const ssize_t taken =
        nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at, left, last ? 1 : 0);
    if (taken < 0) return Http2Error::compression;
    at += taken;
    left -= static_cast<std::size_t>(taken);
    if (flags & NGHTTP2_HD_INFLATE_EMIT) {
      const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
      const std::string_view value(reinterpret_cast<const char*>(field.value), field.valuelen);
      rules_.field(name, value);
      fields_.add(name, value);
    }
    if (flags & NGHTTP2_HD_INFLATE_FINAL) {
      nghttp2_hd_inflate_end_headers(inflater_.get());
      return Http2Error::none;
    }
    if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && left == 0) return Http2Error::none;
  }
}

}  // namespace mlops
