#include "execute/byte_backend.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "execute/builtin_parts.h"
#include "execute/byte_graph.h"
#include "gemm/byte_network.h"
#include "model/text_file.h"

namespace mlops {
namespace {

// The file is read whole, and its weights are eight times as large while they are put in place.
constexpr std::size_t kByteFileMax = std::size_t{64} << 20;

class ByteExecutor final : public Executor {
 public:
  explicit ByteExecutor(const ByteNetwork& network)
      : network_(network), workspace_(network), rows_(kByteRowsMax * network.inputs()) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    if (inputs.size() != 1 || outputs.size() != 1 || inputs[0].shape.rank() != 2 ||
        inputs[0].dtype != DType::f32) {
      return Status::internal("a network of bytes was run with the wrong tensors");
    }
    const auto rows = static_cast<std::size_t>(inputs[0].shape[0]);
    if (!std::cmp_equal(inputs[0].shape[1], network_.inputs())) {
      return Status::invalid_argument("a row has " + std::to_string(inputs[0].shape[1]) +
                                      " values; the model takes " +
                                      std::to_string(network_.inputs()));
    }
    if (!outputs[0].wanted) return {};
    const Shape shape{inputs[0].shape[0], static_cast<std::int64_t>(network_.outputs())};
    const std::size_t size = rows * network_.outputs() * sizeof(float);
    std::byte* room = output_room(outputs[0].tensor, DType::f32, shape, size);
    if (!room) return Status::resource_exhausted("no memory for an output of the model");
    return run_rows(inputs[0].bytes.data(), rows, room);
  }

  void interrupt() override { interrupted_.store(true, std::memory_order_relaxed); }

 private:
  Status run_rows(const std::byte* in, std::size_t rows, std::byte* out) {
    const auto aligned = [](const std::byte* at) {
      return reinterpret_cast<std::uintptr_t>(at) % alignof(float) == 0;
    };
    if (!aligned(out)) return Status::internal("the memory of an output is not aligned");
    const std::size_t width = network_.inputs();
    for (std::size_t first = 0; first < rows; first += kByteRowsMax) {
      if (interrupted_.load(std::memory_order_relaxed)) {
        return Status::cancelled("the model was interrupted");
      }
      const std::size_t count = std::min(kByteRowsMax, rows - first);
      const std::byte* from = in + first * width * sizeof(float);
      if (!aligned(from)) {
        std::memcpy(rows_.data(), from, count * width * sizeof(float));
        from = reinterpret_cast<const std::byte*>(rows_.data());
      }
      network_.run(reinterpret_cast<const float*>(from), count,
                   reinterpret_cast<float*>(out) + first * network_.outputs(), workspace_);
    }
    return {};
  }

  const ByteNetwork& network_;
  ByteNetwork::Workspace workspace_;
  std::vector<float> rows_;  // those that lie unaligned
  std::atomic<bool> interrupted_{false};
};

class ByteBackend final : public Backend {
 public:
  ByteBackend(Signature signature, std::string platform, std::unique_ptr<ByteNetwork> network)
      : signature_(std::move(signature)),
        platform_(std::move(platform)),
        network_(std::move(network)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return platform_; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    try {
      return std::unique_ptr<Executor>(std::make_unique<ByteExecutor>(*network_));
    } catch (const std::bad_alloc&) {
      return Status::resource_exhausted("no memory for one more executor");
    }
  }

 private:
  const Signature signature_;
  const std::string platform_;  // of the file's format, which is what clients ask about
  const std::unique_ptr<ByteNetwork> network_;
};

bool is_table(const std::vector<TensorSpec>& specs, const std::string& name, std::size_t width) {
  return specs.size() == 1 && specs[0].name == name && specs[0].dtype == DType::f32 &&
         specs[0].rank_known && specs[0].dims.size() == 2 && specs[0].dims[0] == kAnySize &&
         (specs[0].dims[1] == kAnySize || std::cmp_equal(specs[0].dims[1], width));
}

Result<std::unique_ptr<Backend>> made_of(std::string_view file, const Backend& loaded,
                                         LayerKernel kernel) {
  const Result<ByteGraph> graph = read_byte_graph(file);
  if (!graph.ok()) return graph.status();
  Result<std::unique_ptr<ByteNetwork>> network = ByteNetwork::make(graph->layers, kernel);
  if (!network.ok()) return network.status();
  const Signature& signature = loaded.signature();
  if (!is_table(signature.inputs, graph->input, (*network)->inputs()) ||
      !is_table(signature.outputs, graph->output, (*network)->outputs())) {
    return Status::unimplemented("its input or output is no table of FP32 with any number of rows");
  }
  return std::unique_ptr<Backend>(std::make_unique<ByteBackend>(
      signature, std::string(loaded.platform()), *std::move(network)));
}

}  // namespace

Result<std::unique_ptr<Backend>> load_byte_backend(const std::string& path, const Backend& loaded,
                                                   LayerKernel kernel) {
  const Result<std::string> file = read_file(path, kByteFileMax);
  if (!file.ok()) return Status::unimplemented("its file is too large to be read for bytes");
  if (!has_quantized_values(*file)) return Status::unimplemented("");
  try {
    return made_of(*file, loaded, kernel);
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory while its layers were read");
  }
}

}  // namespace mlops
