#include "trees/tree_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "trees/forest_reader.h"
#include "trees/onnx_graph.h"

namespace mlops {
namespace {

constexpr std::int64_t kOnnxInt64 = 7;
// A chain of nodes that only pass on, one for each step.
constexpr std::size_t kStepsMax = 16;

Status not_understood(const std::string& why) { return Status::unimplemented(why); }

bool is_standard(const OnnxNode& node) { return node.domain.empty() || node.domain == "ai.onnx"; }

bool is_one(const OnnxConstant& constant) {
  const Result<OnnxTensor> tensor = read_tensor(constant.tensor);
  return tensor.ok() && tensor->values.size() == 1 && tensor->values[0] == 1 &&
         tensor->dims.size() <= 1;
}

std::vector<float> narrowed(const std::vector<double>& values) {
  std::vector<float> floats;
  for (const double value : values) floats.push_back(static_cast<float>(value));
  return floats;
}

Result<RowStep> read_row_step(const OnnxNode& node) {
  const bool scales = node.type == "Scaler";
  if (node.domain != "ai.onnx.ml" || (!scales && node.type != "Imputer")) {
    return not_understood("it has an operator of another kind before its trees");
  }
  Result<std::vector<OnnxAttribute>> read = read_attributes(node);
  if (!read.ok()) return read.status();
  const AttributeList attributes(*std::move(read));
  const auto first = attributes.numbers(scales ? "offset" : "imputed_value_floats");
  if (!first.ok()) return first.status();
  RowStep step;
  step.kind = scales ? RowStep::Kind::scale : RowStep::Kind::impute;
  step.first = narrowed(*first);
  step.replaced = attributes.number("replaced_value_float", 0);
  if (scales) {
    const auto second = attributes.numbers("scale");
    if (!second.ok()) return second.status();
    step.second = narrowed(*second);
  }
  if (step.first.empty() || (scales && step.second.empty())) {
    return not_understood("its " + std::string(node.type) + " leaves out its numbers");
  }
  return step;
}

class GraphReader {
 public:
  explicit GraphReader(OnnxGraph graph) : graph_(std::move(graph)) {}

  Result<TreeGraph> read() {
    if (Status s = find_ensemble(); !s.ok()) return s;
    if (Status s = find_input(); !s.ok()) return s;
    for (const std::string_view output : graph_.outputs) {
      if (Status s = find_output(output); !s.ok()) return s;
    }
    if (visited_ != graph_.nodes.size()) return not_understood("it has more than trees in it");
    Result<Forest> forest = read_forest(*ensemble_);
    if (!forest.ok()) return forest.status();
    made_.forest = *std::move(forest);
    if (Status s = check_forest(); !s.ok()) return s;
    return std::move(made_);
  }

 private:
  Status find_ensemble() {
    for (const OnnxNode& node : graph_.nodes) {
      if (!node.is_ensemble()) continue;
      if (ensemble_) return not_understood("it has several tree ensembles");
      ensemble_ = &node;
    }
    if (!ensemble_) return not_understood("it has no tree ensemble");
    visited_ = 1;
    return {};
  }

  Status find_input() {
    const Status other = not_understood("its trees do not read the model's one input");
    std::vector<std::string_view> fed;  // not by the file itself
    for (const std::string_view name : graph_.inputs) {
      if (!graph_.constant(name)) fed.push_back(name);
    }
    if (fed.size() != 1 || ensemble_->inputs.size() != 1) return other;
    std::string_view name = ensemble_->inputs[0];
    for (std::size_t step = 0; name != fed[0]; ++step) {
      const OnnxNode* maker = maker_of(name);
      if (!maker || step == kStepsMax || maker == ensemble_ || maker->inputs.size() != 1) {
        return other;
      }
      if (!(is_standard(*maker) && maker->type == "Identity")) {
        const Result<RowStep> read = read_row_step(*maker);
        if (!read.ok()) return read.status();
        made_.steps.insert(made_.steps.begin(), *read);
      }
      count_visit(maker);
      name = maker->inputs[0];
    }
    made_.input = fed[0];
    return {};
  }

  const OnnxNode* maker_of(std::string_view name) const {
    for (const OnnxNode& node : graph_.nodes) {
      if (std::ranges::count(node.outputs, name) > 0) return &node;
    }
    return nullptr;
  }

  // The input whose elements `node` passes on unchanged; empty: it does more than that.
  std::string_view passed_on(const OnnxNode& node) {
    if (!is_standard(node) || node.inputs.empty() || node.outputs.size() != 1) return {};
    if (node.type == "Identity") return node.inputs[0];
    if (node.type == "Mul" && node.inputs.size() == 2) {
      const OnnxConstant* factor = graph_.constant(node.inputs[1]);
      return factor && is_one(*factor) ? node.inputs[0] : std::string_view();
    }
    if (node.type != "Cast") return {};
    const Result<std::vector<OnnxAttribute>> read = read_attributes(node);
    if (!read.ok()) return {};
    const bool to_int64 = AttributeList(*read).integer("to", 0) == kOnnxInt64;
    cast_labels_ |= to_int64;
    return to_int64 ? node.inputs[0] : std::string_view();
  }

  Status find_output(std::string_view output) {
    std::string_view name = output;
    cast_labels_ = false;
    for (std::size_t step = 0; step < kStepsMax; ++step) {
      const OnnxNode* maker = maker_of(name);
      if (!maker) break;
      if (maker == ensemble_) return add_output(output, name);
      name = passed_on(*maker);
      if (name.empty()) break;
      count_visit(maker);
    }
    return not_understood("output '" + std::string(output) + "' is not one of its trees' own");
  }

  void count_visit(const OnnxNode* node) {
    if (std::ranges::count(seen_, node) > 0) return;
    seen_.push_back(node);
    ++visited_;
  }

  Status add_output(std::string_view output, std::string_view name) {
    const bool classifies = ensemble_->type == "TreeEnsembleClassifier";
    const bool labels = classifies && ensemble_->outputs[0] == name;
    if (cast_labels_ && !labels) return not_understood("it rounds what its trees answer");
    made_.outputs.emplace_back(output, labels ? TreeOutput::classes : TreeOutput::scores);
    return {};
  }

  // Everything is computed in float here, as ONNX Runtime does for an input of floats.
  Status check_forest() const {
    const auto narrow = [](double value) {
      return std::isnan(value) || static_cast<double>(static_cast<float>(value)) == value;
    };
    const Forest& forest = made_.forest;
    const bool all = std::ranges::all_of(forest.nodes, narrow, &ForestNode::threshold) &&
                     std::ranges::all_of(forest.weights, narrow, &LeafWeight::value) &&
                     std::ranges::all_of(forest.base_values, narrow);
    if (!all) return not_understood("its numbers are no floats");
    // ONNX Runtime looks them up as bits of whole numbers.
    if (!forest.sets.empty()) return not_understood("it has nodes that test for membership");
    return {};
  }

  const OnnxGraph graph_;
  const OnnxNode* ensemble_ = nullptr;
  std::vector<const OnnxNode*> seen_;
  std::size_t visited_ = 0;
  bool cast_labels_ = false;
  TreeGraph made_;
};

}  // namespace

bool has_tree_ensemble(std::string_view file) {
  const Result<OnnxGraph> graph = read_onnx_graph(file);
  return graph.ok() && std::ranges::any_of(graph->nodes, &OnnxNode::is_ensemble);
}

Result<TreeGraph> read_tree_graph(std::string_view file) {
  Result<OnnxGraph> graph = read_onnx_graph(file);
  if (!graph.ok()) return graph.status();
  return GraphReader(*std::move(graph)).read();
}

}  // namespace mlops
