// Bodies of generate requests: whatever is taken has tensors of the size that their shapes say, and
// written as an answer it is read again as the same.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "protocol/generate.h"
#include "request/validate.h"

namespace {

using namespace mlops;

[[noreturn]] void report(const char* what, const std::string& detail) {
  std::fprintf(stderr, "%s: %s\n", what, detail.c_str());
  std::abort();
}

TensorSpec spec(const char* name, DType dtype, std::vector<std::int64_t> dims) {
  TensorSpec made;
  made.name = name;
  made.dtype = dtype;
  made.symbols.resize(dims.size());
  made.dims = std::move(dims);
  return made;
}

const ModelInfo& model() {
  static const ModelInfo made = [] {
    ModelInfo info;
    info.name = "m";
    info.signature.inputs = {spec("text", DType::bytes, {-1}), spec("b", DType::boolean, {1}),
                             spec("i", DType::i32, {-1, 2}), spec("f", DType::f64, {-1, -1})};
    return info;
  }();
  return made;
}

Status decode(const std::string& body, HttpInferCall& call) {
  static CopyMeter copies;
  Buffer owner = allocate_buffer(body.size());
  if (!body.empty()) std::memcpy(owner->data(), body.data(), body.size());
  const std::span<const std::byte> bytes = writable(owner);
  call.request.model = "m";
  return decode_generate(std::move(owner), bytes, model(), {}, copies, call);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.shape.elements() == b.shape.elements() &&
         a.bytes.size() == b.bytes.size() &&
         (a.bytes.empty() || std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  HttpInferCall call;
  const Status status = decode(body, call);
  if (!status.ok()) {
    if (status.message().empty()) report("an error without a text", body);
    return 0;
  }
  // Parameters' names may be too long or empty for the engine; tensors must be sound.
  Request tensors;
  tensors.model = "m";
  tensors.inputs = call.request.inputs;
  if (const Status form = check_form(tensors, {}); !form.ok()) report("unsound", form.message());
  Response response;
  response.model = "m";
  response.outputs = call.request.inputs;
  const Result<std::string> written = encode_generate(response);
  if (!written.ok()) return 0;  // byte strings that are not UTF-8
  if (written->find("NaN") != std::string::npos || written->find("Inf") != std::string::npos) {
    return 0;
  }
  HttpInferCall again;
  const Status reread = decode(*written, again);
  if (!reread.ok()) report("what was written is not read", reread.message() + " " + *written);
  if (again.request.inputs.size() != call.request.inputs.size()) report("inputs lost", *written);
  for (std::size_t i = 0; i < again.request.inputs.size(); ++i) {
    if (!same(call.request.inputs[i].tensor, again.request.inputs[i].tensor)) {
      report("a tensor changed", *written);
    }
  }
  return 0;
}
