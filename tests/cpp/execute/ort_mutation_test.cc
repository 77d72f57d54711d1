// A damaged model file is refused, or it is still a model: it never takes the process with it.

#include <gtest/gtest.h>

#include <random>

#include "support/ort_models.h"
#include "support/requests.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

#ifndef MLOPS_TEST_MUTATIONS
#define MLOPS_TEST_MUTATIONS 60
#endif
constexpr int kMutations = MLOPS_TEST_MUTATIONS;

// Mostly one byte, so that the file stays protobuf and the damage reaches the graph; the test
// checks that enough of them do.
std::string mutate(std::string data, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return random() % limit; };
  const std::size_t at = below(data.size());
  switch (below(16)) {
    case 0:
      data.erase(at, 1 + below(8));
      break;
    case 1:
      data.insert(at, data.substr(below(data.size()), 1 + below(16)));
      break;
    case 2:
      data.resize(at + 1);
      break;
    case 3:
      data[below(data.size())] = data[below(data.size())];
      [[fallthrough]];
    case 4:
    case 5:
    case 6:
      data[at] = static_cast<char>(random());
      break;
    case 7:
    case 8:
      data[at] = data[below(data.size())];
      break;
    case 9:
    case 10:
      data[at] = static_cast<char>(data[at] + 1);
      break;
    default:
      data[at] = static_cast<char>(data[at] ^ (1 << below(8)));
      break;
  }
  return data;
}

// Inputs of the right type and of a small shape that the signature allows.
std::vector<Tensor> some_inputs(const Signature& signature) {
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : signature.inputs) {
    Shape shape;
    for (const std::int64_t size : spec.dims) {
      shape.push_back(size < 0 || size > 64 ? 1 : size);
    }
    if (spec.dtype == DType::bytes) {
      const auto count = static_cast<std::size_t>(shape.elements().value_or(0));
      inputs.push_back(strings(shape, std::vector<std::string>(count, "text")));
    } else {
      Tensor tensor = room(spec.dtype, shape);
      std::ranges::fill(writable(tensor.owner), std::byte{0});
      inputs.push_back(tensor);
    }
  }
  return inputs;
}

class OrtMutation : public OrtTest {};

TEST_F(OrtMutation, ADamagedModelIsRefusedOrRuns) {
  const TemporaryFolder folder;
  std::mt19937 random(20260807);
  int loaded = 0;
  int refused = 0;
  for (const char* name :
       {"matmul", "two_outputs", "symbols", "identity_string", "reshape", "gather", "fewer_rows",
        "external_nested", "bad_zipmap", "constant_output"}) {
    const std::string whole = read_file(tiny_model(name));
    for (int i = 0; i < kMutations; ++i) {
      const std::string path = folder.file("model.onnx", mutate(whole, random));
      auto backend = load_ort_backend(runtime_, path, {}, &copies_);
      if (!backend.ok()) {
        ++refused;
        ASSERT_NE(backend.status().code(), Code::internal) << backend.status().to_string();
        continue;
      }
      ++loaded;
      OneLane lane = one_lane(std::move(backend));
      const auto inputs = some_inputs(lane.backend->signature());
      static_cast<void>(lane.run(inputs));
    }
  }
  EXPECT_GT(loaded, refused / 10);
  EXPECT_GT(refused, loaded / 10);
}

}  // namespace
}  // namespace mlops::testing
