#include "protocol/status_map.h"

#include <array>
#include <cstddef>

namespace mlops {
namespace {

struct Mapping {
  int http;
  int grpc;
  bool retryable;
};

constexpr std::array<Mapping, kCodes> kTable = {{
    {200, 0, false},   // ok
    {400, 3, false},   // invalid_argument
    {404, 5, false},   // not_found
    {400, 6, false},   // already_exists
    {503, 14, true},   // unavailable
    {503, 8, true},    // resource_exhausted
    {504, 4, false},   // deadline_exceeded
    {499, 1, false},   // cancelled
    {501, 12, false},  // unimplemented
    {500, 13, false},  // internal
}};

const Mapping& mapping(Code code) { return kTable[static_cast<std::size_t>(code)]; }

}  // namespace

int http_status(Code code) { return mapping(code).http; }
int grpc_status(Code code) { return mapping(code).grpc; }
bool is_retryable(Code code) { return mapping(code).retryable; }

}  // namespace mlops
