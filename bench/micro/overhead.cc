// mlops-overhead: what the engine adds to a model, in process, one caller, engine idle (DESIGN
// section 8, first line).
//
// Interleaves a bare OrtApi::Run with preallocated values, the same with ONNX Runtime's arena,
// Engine::infer on the same model, and Engine::infer on the echo back end. A call of the engine
// starts before the caller fills in its Request and ends after the Response is gone. Prints one
// JSON object.
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "execute/echo_backend.h"
#include "micro/bare_ort.h"
#include "micro/paired_timing.h"

namespace mlops::micro {
namespace {

constexpr std::size_t kRequests = 256;

struct Arguments {
  std::string library;
  std::string model;
  std::int64_t batch = 1;
  TimingOptions timing;
};

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-overhead: %s\n", why.c_str());
  return 1;
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--ort-library")
      arguments.library = value;
    else if (name == "--model")
      arguments.model = value;
    else if (name == "--batch")
      arguments.batch = std::atoll(value.c_str());
    else if (name == "--rounds")
      arguments.timing.rounds = std::atoi(value.c_str());
    else
      return false;
  }
  return argc % 2 == 1 && !arguments.library.empty() && !arguments.model.empty() &&
         arguments.batch > 0 && arguments.timing.rounds > 0;
}

// One loaded model of an engine, called with rotating requests.
class EngineCaller {
 public:
  EngineCaller(Engine& engine, std::string model, std::string input, const Shape& shape,
               const std::vector<float>& rows)
      : engine_(engine),
        model_(std::move(model)),
        input_(std::move(input)),
        shape_(shape),
        rows_(rows) {}

  Response infer(std::size_t call) {
    const std::size_t floats = rows_.size() / kRequests;
    Tensor tensor;
    tensor.dtype = DType::f32;
    tensor.shape = shape_;
    tensor.bytes = std::as_bytes(std::span(rows_).subspan(call % kRequests * floats, floats));
    Request request;
    request.model = model_;
    request.inputs.push_back({input_, tensor});
    return engine_.infer(std::move(request));
  }

  bool operator()(std::size_t call) { return infer(call).status.ok(); }

 private:
  Engine& engine_;
  std::string model_;
  std::string input_;
  Shape shape_;
  const std::vector<float>& rows_;
};

std::string spread_json(const Spread& spread) {
  char text[96];
  std::snprintf(text, sizeof(text), "{\"median\":%.1f,\"p5\":%.1f,\"p95\":%.1f}", spread.median,
                spread.low, spread.high);
  return text;
}

void print(const Arguments& arguments, const std::vector<TimedCandidate>& timed) {
  std::string out =
      "{\"schema\":\"mlops-overhead/1\",\"batch\":" + std::to_string(arguments.batch) +
      ",\"rounds\":" + std::to_string(arguments.timing.rounds) + ",\"p50_ns\":{";
  for (const TimedCandidate& candidate : timed) {
    if (&candidate != timed.data()) out += ',';
    out += '"' + candidate.name + "\":" + spread_json(spread_of(candidate.round_p50_ns));
  }
  out += "},\"engine_over_bare_ns\":" + spread_json(difference(timed[0], timed[1])) +
         ",\"engine_over_bare_arena_ns\":" + spread_json(difference(timed[0], timed[2])) + "}";
  std::printf("%s\n", out.c_str());
}

// The shape of one request of the model, or an empty string that says why the model does not suit.
std::string request_shape(const ModelInfo& info, std::int64_t batch, Shape& shape) {
  if (info.signature.inputs.size() != 1 || info.signature.inputs[0].dtype != DType::f32) {
    return "the model must have one FP32 input";
  }
  for (const std::int64_t dim : info.signature.inputs[0].dims) {
    if (dim < 0 && shape.rank() != 0) return "only the first axis may be open";
    shape.push_back(dim < 0 ? batch : dim);
  }
  return "";
}

int run(const Arguments& arguments) {
  NullLog log;
  EngineOptions options;
  options.ort_libraries = {arguments.library};
  auto engine = Engine::create(options, log);
  if (!engine.ok()) return fail(engine.status().to_string());
  ModelSource source;
  source.name = "model";
  source.path = arguments.model;
  if (const Status loaded = (*engine)->load(source); !loaded.ok()) return fail(loaded.to_string());
  auto info = (*engine)->info("model", kAnyVersion);
  if (!info.ok()) return fail(info.status().to_string());
  Shape shape;
  if (const std::string why = request_shape(*info, arguments.batch, shape); !why.empty())
    return fail(why);

  std::vector<float> rows(kRequests * static_cast<std::size_t>(shape.elements().value_or(0)));
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  for (float& value : rows) value = normal(random);

  std::string error;
  const auto bare =
      BareOrt::open({arguments.library, arguments.model, false}, shape.dims(), rows, error);
  const auto arena =
      BareOrt::open({arguments.library, arguments.model, true}, shape.dims(), rows, error);
  if (!bare || !arena) return fail(error);

  Signature echo_signature = info->signature;
  echo_signature.outputs.assign(1, echo_signature.inputs[0]);
  auto echo_backend = make_echo_backend(echo_signature);
  if (!echo_backend.ok()) return fail(echo_backend.status().to_string());
  source.name = "echo";
  if (const Status loaded = (*engine)->load(source, std::move(*echo_backend)); !loaded.ok()) {
    return fail(loaded.to_string());
  }

  EngineCaller caller(**engine, "model", info->signature.inputs[0].name, shape, rows);
  EngineCaller echo(**engine, "echo", info->signature.inputs[0].name, shape, rows);
  const Response check = caller.infer(7);
  if (!check.status.ok() || !bare->run(7))
    return fail("the model does not run: " + check.status.to_string());
  const BareOrt::Output want = bare->output();
  const auto got = check.outputs[0].tensor.bytes;
  const bool fits = want.elements != 0 && got.size() % want.elements == 0;
  if (!fits || std::memcmp(got.data(), want.data, got.size()) != 0) {
    return fail("the engine and the bare run disagree");
  }

  std::vector<TimedCandidate> timed;
  timed.push_back({"engine", caller, {}});
  timed.push_back({"bare", [&](std::size_t call) { return bare->run(call % kRequests); }, {}});
  timed.push_back(
      {"bare_arena", [&](std::size_t call) { return arena->run(call % kRequests); }, {}});
  timed.push_back({"engine_echo", echo, {}});
  if (!time_interleaved(timed, arguments.timing, error)) return fail(error + " failed");
  print(arguments, timed);
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  mlops::micro::Arguments arguments;
  if (!mlops::micro::parse(argc, argv, arguments)) {
    return mlops::micro::fail("usage: --ort-library FILE --model FILE [--batch N] [--rounds N]");
  }
  return mlops::micro::run(arguments);
}
