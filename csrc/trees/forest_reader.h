#pragma once
// From the attributes of a tree operator to a Forest: TreeEnsembleClassifier and
// TreeEnsembleRegressor (ai.onnx.ml 1 to 4), TreeEnsemble (5). The attributes are outside bytes: an
// ensemble is well formed when this says so, and only then.

#include <span>

#include "base/status.h"
#include "trees/forest.h"
#include "trees/onnx_graph.h"

namespace mlops {

// invalid_argument: broken, nobody should run it (unequal lists, references to nowhere, cycles,
// trees deeper than kTreeDepthMax). unimplemented: may be sound, but is not understood here.
Result<Forest> read_forest(const OnnxNode& node);

// Looks attributes up by name; absent ones are empty.
class AttributeList {
 public:
  explicit AttributeList(std::vector<OnnxAttribute> attributes)
      : attributes_(std::move(attributes)) {}

  std::span<const std::int64_t> integers(std::string_view name) const;
  std::span<const std::string_view> texts(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  float number(std::string_view name, float otherwise) const;
  std::string_view text(std::string_view name, std::string_view otherwise) const;
  // The list of floats `name`, or the tensor `name`_as_tensor, or the tensor `name`.
  Result<std::vector<double>> numbers(std::string_view name) const;

 private:
  const OnnxAttribute* find(std::string_view name) const;
  std::vector<OnnxAttribute> attributes_;
};

Status read_listed_forest(const AttributeList& attributes, bool classifier, Forest& forest);
Status read_linked_forest(const AttributeList& attributes, Forest& forest);  // opset 5

Status broken_ensemble(const std::string& why);  // invalid_argument

// Everything that can only be seen once all nodes are there: cycles, depths, nodes with two
// parents.
Status check_trees(Forest& forest);

}  // namespace mlops
