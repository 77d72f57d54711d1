#include "protocol/trace_context.h"

#include <algorithm>

namespace mlops {
namespace {

// "00-<32 digits>-<16 digits>-<2 digits>"
constexpr std::size_t kTraceparentSize = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kFlagsAt = 53;

// Upper case is not allowed; -1: no digit.
int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& bytes) {
  for (std::size_t i = 0; i < N; ++i) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

template <std::size_t N>
bool all_zero(const std::array<std::uint8_t, N>& bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool is_state(std::string_view text) {
  return text.size() <= kTraceStateBytesMax && text.find('=') != text.npos &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 127; });
}

}  // namespace

std::optional<TraceContext> parse_trace_context(std::string_view traceparent,
                                                std::string_view tracestate) {
  if (traceparent.size() < kTraceparentSize) return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceContext context;
  if (traceparent[2] != '-' || traceparent[kParentAt - 1] != '-' ||
      traceparent[kFlagsAt - 1] != '-' || !read_hex(traceparent, version) ||
      !read_hex(traceparent.substr(kTraceAt), context.trace) ||
      !read_hex(traceparent.substr(kParentAt), context.parent) ||
      !read_hex(traceparent.substr(kFlagsAt), flags)) {
    return std::nullopt;
  }
  const bool newer = version[0] > 0;
  if (version[0] == 0xff || all_zero(context.trace) || all_zero(context.parent)) {
    return std::nullopt;
  }
  if (traceparent.size() > kTraceparentSize && !(newer && traceparent[kTraceparentSize] == '-'))
    return std::nullopt;
  context.sampled = (flags[0] & 1) != 0;
  if (is_state(tracestate)) context.state = tracestate;
  return context;
}

std::string_view trace_id_text(std::string_view traceparent) {
  if (!parse_trace_context(traceparent, {})) return {};
  return traceparent.substr(kTraceAt, 2 * TraceId().size());
}

}  // namespace mlops
