#pragma once
// An ONNX file that is a tree ensemble and nothing else of consequence: what exporters put around
// one (Identity, a Cast to the type that is there already, a product with 1) is looked through, and
// what they put before one (Scaler, Imputer) is told.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "trees/forest.h"
#include "trees/row_steps.h"

namespace mlops {

enum class TreeOutput : std::uint8_t { classes, scores };

struct TreeGraph {
  Forest forest;
  std::string input;
  std::vector<RowStep> steps;  // from a row of the input to what the trees read, in order
  std::vector<std::pair<std::string, TreeOutput>> outputs;  // the graph's, in its order
};

// Whether the graph has a tree ensemble at all, so that it is worth saying why it is not run here.
bool has_tree_ensemble(std::string_view file);

// `file` is a whole ONNX file of outside bytes. unimplemented, with the reason, for everything that
// is not such a graph or is not understood here; invalid_argument for what is broken.
Result<TreeGraph> read_tree_graph(std::string_view file);

}  // namespace mlops
