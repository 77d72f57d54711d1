#pragma once
// Dense layers in bytes, one after the other: floats in, floats out.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "gemm/byte_layer.h"
#include "gemm/layer_kernel.h"
#include "gemm/packed_layer.h"

namespace mlops {

class ByteNetwork {
 public:
  // Activations of kByteRowsMax rows; of one thread.
  class Workspace {
   public:
    explicit Workspace(const ByteNetwork& network);

   private:
    friend class ByteNetwork;
    AlignedArray<std::uint8_t> now_;
    AlignedArray<std::uint8_t> next_;
  };

  // Each layer reads what the one before it writes. invalid_argument for sizes and numbers that no
  // such network has, resource_exhausted where there is no memory.
  static Result<std::unique_ptr<ByteNetwork>> make(const std::vector<ByteLayer>& layers,
                                                   LayerKernel kernel);

  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t layers() const { return layers_.size(); }
  // Of `rows` rows, at most kByteRowsMax; neither needs alignment beyond that of floats.
  void run(const float* in, std::size_t rows, float* out, Workspace& workspace) const;

 private:
  ByteNetwork() = default;

  std::vector<PackedLayer> layers_;
  LayerKernel kernel_ = nullptr;
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
  std::size_t width_max_ = 0;
  ByteScale from_;
  ByteScale to_;
};

}  // namespace mlops
