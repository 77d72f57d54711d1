#include "protocol/http_infer.h"

namespace mlops {

Status decode_http_infer(Buffer, std::span<const std::byte>, std::optional<std::string_view>,
                         const Signature*, const DecodeLimits&, CopyMeter&, HttpInferCall&) {
  return Status::unimplemented("in progress");
}
bool is_raw_binary_request(std::optional<std::string_view> header_length) {
  return header_length == "0";
}
std::size_t HttpInferReply::size() const {
  std::size_t total = json.size();
  for (const Tensor& tensor : binary) total += tensor.bytes.size();
  return total;
}
Result<HttpInferReply> encode_http_infer(const Response&, const OutputPlan&) {
  return Status::unimplemented("in progress");
}
std::string encode_http_error(const Status&, std::string_view) { return "{}"; }

}  // namespace mlops
