#include "gemm/byte_network.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <string>
#include <utility>

#include "gemm/byte_rows.h"

namespace mlops {
namespace {

bool is_scale(float scale) { return std::isfinite(scale) && scale > 0; }

Status check(const ByteLayer& layer) {
  const std::size_t outputs = layer.outputs;
  if (layer.inputs == 0 || outputs == 0 || layer.inputs > kByteInputsMax ||
      outputs > kByteInputsMax) {
    return Status::invalid_argument("a layer of " + std::to_string(layer.inputs) + " x " +
                                    std::to_string(outputs) + " values is none of ours");
  }
  if (layer.weights.size() != layer.inputs * outputs || layer.bias.size() != outputs ||
      layer.weight_scales.size() != outputs) {
    return Status::invalid_argument("a layer's weights do not fit its sizes");
  }
  if (!is_scale(layer.from.scale) || !is_scale(layer.to.scale) ||
      !std::ranges::all_of(layer.weight_scales, is_scale)) {
    return Status::invalid_argument("a layer has a scale that is no positive number");
  }
  const auto is_factor = [&](float scale) {
    return std::isfinite(layer.from.scale * scale / layer.to.scale);
  };
  if (!std::ranges::all_of(layer.weight_scales, is_factor)) {
    return Status::invalid_argument("a layer's scales have no finite product");
  }
  return {};
}

}  // namespace

ByteNetwork::Workspace::Workspace(const ByteNetwork& network)
    : now_(aligned_zeros<std::uint8_t>(kByteRowsMax * network.width_max_)),
      next_(aligned_zeros<std::uint8_t>(kByteRowsMax * network.width_max_)) {}

Result<std::unique_ptr<ByteNetwork>> ByteNetwork::make(const std::vector<ByteLayer>& layers,
                                                       LayerKernel kernel) {
  if (layers.empty()) return Status::invalid_argument("it has no layer");
  try {
    std::unique_ptr<ByteNetwork> network(new ByteNetwork);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (Status s = check(layers[i]); !s.ok()) return s;
      if (i > 0 &&
          (layers[i].inputs != layers[i - 1].outputs || layers[i].from != layers[i - 1].to)) {
        return Status::invalid_argument("a layer does not read what the one before it writes");
      }
      network->layers_.push_back(pack_layer(layers[i]));
      const PackedLayer& packed = network->layers_.back();
      network->width_max_ = std::max({network->width_max_, packed.in_width, packed.out_width});
    }
    network->kernel_ = kernel;
    network->inputs_ = layers.front().inputs;
    network->outputs_ = layers.back().outputs;
    network->from_ = layers.front().from;
    network->to_ = layers.back().to;
    return network;
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory for its layers");
  }
}

void ByteNetwork::run(const float* in, std::size_t rows, float* out, Workspace& workspace) const {
  std::uint8_t* now = workspace.now_.get();
  std::uint8_t* next = workspace.next_.get();
  const std::size_t width = layers_.front().in_width;
  for (std::size_t m = 0; m < rows; ++m)
    to_bytes(in + m * inputs_, inputs_, from_, now + m * width);
  for (const PackedLayer& layer : layers_) {
    kernel_(layer, now, rows, next);
    std::swap(now, next);
  }
  const std::size_t last = layers_.back().out_width;
  for (std::size_t m = 0; m < rows; ++m)
    to_floats(now + m * last, outputs_, to_, out + m * outputs_);
}

}  // namespace mlops
