// Any bytes as an ONNX file: the reader of tree ensembles ends, with a forest or a reason, and a
// forest that it takes answers rows of zeros, of infinities and of no numbers at all.

#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "trees/predictor.h"
#include "trees/tree_graph.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace mlops;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  (void)has_tree_ensemble(file);
  Result<TreeGraph> graph = read_tree_graph(file);
  if (!graph.ok()) {
    if (graph.status().message().empty()) std::abort();
    return 0;
  }
  if (graph->forest.features > 4096) return 0;
  const auto predictor = TreePredictor::make(std::move(graph->forest));
  if (!predictor.ok()) return 0;
  const Forest& forest = (*predictor)->forest();
  constexpr std::size_t kRows = 9;
  std::vector<float> rows(kRows * forest.features);
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    rows[i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : -HUGE_VALF;
  }
  std::vector<float> scores(kRows * forest.targets);
  std::vector<std::int64_t> classes(kRows);
  const auto session = (*predictor)->make_session();
  if (!session.ok()) std::abort();
  (*session)->run({rows.data(), kRows, forest.features}, {scores.data(), classes.data()});
  for (const std::int64_t chosen : classes) {
    if (forest.is_classifier && (chosen < 0 || chosen >= forest.targets)) std::abort();
  }
  return 0;
}
