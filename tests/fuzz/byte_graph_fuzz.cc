// Any bytes as an ONNX file: the reader of networks in bytes ends, with layers or a reason, and
// layers that it takes answer rows of no numbers, infinities and zeros with finite floats.

#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "execute/byte_graph.h"
#include "gemm/byte_network.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mlops;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  (void)has_quantized_values(file);
  const Result<ByteGraph> graph = read_byte_graph(file);
  if (!graph.ok()) {
    if (graph.status().message().empty()) std::abort();
    return 0;
  }
  const auto network = ByteNetwork::make(graph->layers, run_layer_plain);
  if (!network.ok()) return 0;
  if ((*network)->inputs() > 512 || (*network)->outputs() > 512) return 0;
  constexpr std::size_t kRows = 3;
  std::vector<float> rows(kRows * (*network)->inputs());
  rows.front() = std::numeric_limits<float>::quiet_NaN();
  rows.back() = -HUGE_VALF;
  std::vector<float> answers(kRows * (*network)->outputs());
  ByteNetwork::Workspace workspace(**network);
  (*network)->run(rows.data(), kRows, answers.data(), workspace);
  for (const float answer : answers) {
    if (std::isnan(answer)) std::abort();
  }
  return 0;
}
