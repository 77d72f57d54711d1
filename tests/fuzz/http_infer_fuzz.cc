// HTTP infer bodies. The first byte chooses how much of the rest is JSON; the JSON part must be
// judged as RapidJSON judges it, and what was decoded must survive being written and read again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../cpp/protocol/json_reference.h"
#include "protocol/http_infer.h"
#include "protocol/json_text.h"

namespace {

using namespace mlops;

[[noreturn]] void report(const char* what, const std::string& detail) {
  std::fprintf(stderr, "%s: %s\n", what, detail.c_str());
  std::abort();
}

Status decode(const std::string& body, std::string_view header, HttpInferCall& call) {
  static CopyMeter copies;
  Buffer owner = allocate_buffer(body.size());
  if (!body.empty()) std::memcpy(owner->data(), body.data(), body.size());
  const std::span<const std::byte> bytes = writable(owner);
  ModelInfo model;
  model.signature.inputs = {{"raw", DType::f32, {-1, 2}, {"", ""}}};
  return decode_http_infer(std::move(owner), bytes, header, &model, {}, copies, call);
}

// The inputs, as a request of their own.
std::string rewrite(const Request& request) {
  std::string json = "{\"inputs\":[";
  for (const NamedTensor& input : request.inputs) {
    if (json.back() != '[') json += ',';
    json += "{\"name\":";
    append_json_string(json, input.name);
    json += ",\"datatype\":";
    append_json_string(json, kserve_name(input.tensor.dtype));
    json += ",\"shape\":";
    append_json_shape(json, input.tensor.shape);
    json += ",\"data\":";
    if (!append_json_data(json, input.tensor)) return {};
    json += '}';
  }
  return json + "]}";
}

bool has_nan(const std::string& json) { return json.find("NaN") != std::string::npos; }

void check_round_trip(const Request& request) {
  const std::string json = rewrite(request);
  if (json.empty() || has_nan(json)) return;  // NaN has payloads that text does not carry
  HttpInferCall again;
  const Status status = decode(json, std::to_string(json.size()), again);
  if (!status.ok()) report("what was written is not read", status.message() + " " + json);
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const Tensor& before = request.inputs[i].tensor;
    const Tensor& after = again.request.inputs[i].tensor;
    const bool same = before.shape == after.shape && before.bytes.size() == after.bytes.size() &&
                      std::memcmp(before.bytes.data(), after.bytes.data(), after.bytes.size()) == 0;
    if (!same && !before.bytes.empty()) report("changed by writing and reading", json);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t json_size = body.size() * (data[0] & 0x7F) / 0x7F;
  HttpInferCall call;
  const Status status = decode(body, std::to_string(json_size), call);
  if (!status.ok() || json_size == 0) return 0;
  const std::string json = body.substr(0, json_size);
  if (!testing::rapidjson_accepts(json)) report("accepted, but not JSON", json);
  bool all_from_json = true;
  for (const NamedTensor& input : call.request.inputs) {
    all_from_json &= input.tensor.owner != nullptr;
  }
  if (all_from_json) check_round_trip(call.request);
  return 0;
}
