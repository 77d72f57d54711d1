#pragma once
// The one host copy: rows of several requests into one dense tensor per input, and back out as
// views.

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "request/request.h"
#include "request/validate.h"
#include "tensor/copy_meter.h"
#include "tensor/slab_pool.h"

namespace mlops {

// What gathering needs to know of a request; the request outlives the batch.
struct Part {
  const Request* request = nullptr;
  const Resolved* resolved = nullptr;
  std::int64_t rows = 0;

  const Tensor& input(std::size_t index) const {
    return request->inputs[resolved->input(index)].tensor;
  }
};

// Inputs up to this size are gathered into memory that the lane keeps. A back end knows the memory
// again and need not describe it anew, which costs several times what copying 4 KiB does (ADR 3).
constexpr std::size_t kStagingBytes = 4096;

// Signature input `index` of all parts as one tensor. A single large part whose bytes are aligned
// for its element type is used where it lies; everything else is copied (CopySite::gather): into
// `staging`, made on first use and replaced while somebody still holds it, or into a slab.
// Parts agree on every axis but the first, or are rows of numbers of different lengths, which get
// zeros behind their ends up to the longest. resource_exhausted when there is no room.
Result<Tensor> gather_input(std::span<const Part> parts, std::size_t index, Buffer& staging,
                            SlabPool& slabs, CopyMeter& copies);

// A view of the first `rows` rows of `rest`, which keeps the others. internal when there are fewer.
Result<Tensor> cut_rows(Tensor& rest, std::int64_t rows);

// Splits a batch output along axis 0 into one view per part. internal when the model returned
// another number of rows than it was given.
Status scatter_output(const Tensor& output, std::span<const Part> parts, std::string_view name,
                      std::vector<Tensor>& views);

}  // namespace mlops
