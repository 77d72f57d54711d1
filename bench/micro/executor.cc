// mlops-executor: what one lane's executor adds to a bare OrtApi::Run of the same model.
//
// Interleaves the bare run with Executor::run: over the same memory in every call (`kept`), over
// other inputs in every call (`moving`), and with outputs that ONNX Runtime allocates
// (`allocated`). Prints one JSON object.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "execute/ort_backend.h"
#include "micro/bare_ort.h"
#include "micro/paired_timing.h"

namespace mlops::micro {
namespace {

constexpr std::size_t kRequests = 256;

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-executor: %s\n", why.c_str());
  return 1;
}

Tensor room(DType dtype, const Shape& shape) {
  Tensor tensor{dtype, shape, {}, allocate_buffer(dense_size(dtype, shape).value_or(0))};
  tensor.bytes = writable(tensor.owner);
  return tensor;
}

// An executor with its inputs laid out one after the other.
class Lane {
 public:
  Lane(Executor& executor, Shape in, Shape out, std::span<const float> rows)
      : executor_(executor), in_(in), place_(room(DType::f32, out)), rows_(rows) {}

  bool run(std::size_t request, bool allocate) {
    const std::size_t floats = rows_.size() / kRequests;
    const Tensor input{DType::f32, in_, std::as_bytes(rows_.subspan(request * floats, floats)), {}};
    OutputSlot slot{true, allocate ? Tensor{} : place_};
    return executor_.run({&input, 1}, {&slot, 1}).ok();
  }

 private:
  Executor& executor_;
  Shape in_;
  Tensor place_;
  std::span<const float> rows_;
};

Shape with_batch(const TensorSpec& spec, std::int64_t batch) {
  Shape shape;
  for (const std::int64_t size : spec.dims) shape.push_back(size < 0 ? batch : size);
  return shape;
}

void print(const std::vector<TimedCandidate>& timed) {
  std::string out = "{\"schema\":\"mlops-executor/1\",\"p50_ns\":{";
  char text[160];
  for (const TimedCandidate& candidate : timed) {
    const Spread spread = spread_of(candidate.round_p50_ns);
    std::snprintf(text, sizeof(text), "%s\"%s\":%.1f", &candidate == timed.data() ? "" : ",",
                  candidate.name.c_str(), spread.median);
    out += text;
  }
  out += "},\"over_bare_ns\":{";
  for (std::size_t i = 1; i < timed.size(); ++i) {
    const Spread spread = difference(timed[i], timed[0]);
    std::snprintf(text, sizeof(text), "%s\"%s\":{\"median\":%.1f,\"p5\":%.1f,\"p95\":%.1f}",
                  i == 1 ? "" : ",", timed[i].name.c_str(), spread.median, spread.low, spread.high);
    out += text;
  }
  std::printf("%s}}\n", out.c_str());
}

int run(const std::string& library, const std::string& model, std::int64_t batch) {
  NullLog log;
  auto runtime = OrtRuntime::open({library}, log);
  if (!runtime.ok()) return fail(runtime.status().to_string());
  auto backend = load_ort_backend(*runtime, model, {}, nullptr);
  if (!backend.ok()) return fail(backend.status().to_string());
  const Signature& signature = (*backend)->signature();
  if (signature.inputs.size() != 1 || signature.outputs.size() != 1 ||
      signature.inputs[0].dtype != DType::f32 || signature.outputs[0].dtype != DType::f32) {
    return fail("the model must have one FP32 input and one FP32 output");
  }
  const Shape in = with_batch(signature.inputs[0], batch);
  const std::vector<float> rows(kRequests * static_cast<std::size_t>(in.elements().value_or(0)),
                                0.5F);
  BareOptions options;
  options.library = library;
  options.model = model;
  std::string error;
  const auto bare = BareOrt::open(options, in.dims(), rows, error);
  if (!bare) return fail(error);
  auto executor = (*backend)->make_executor();
  if (!executor.ok()) return fail(executor.status().to_string());
  Lane lane(**executor, in, with_batch(signature.outputs[0], batch), rows);

  std::vector<TimedCandidate> timed;
  timed.push_back({"bare", [&](std::size_t call) { return bare->run(call % kRequests); }, {}});
  timed.push_back({"kept", [&](std::size_t) { return lane.run(0, false); }, {}});
  timed.push_back(
      {"moving", [&](std::size_t call) { return lane.run(call % kRequests, false); }, {}});
  timed.push_back({"allocated", [&](std::size_t) { return lane.run(0, true); }, {}});
  if (!time_interleaved(timed, {}, error)) return fail(error + " failed");
  print(timed);
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: mlops-executor LIBONNXRUNTIME MODEL [BATCH]\n");
    return 2;
  }
  return mlops::micro::run(argv[1], argv[2], argc > 3 ? std::atoll(argv[3]) : 1);
}
