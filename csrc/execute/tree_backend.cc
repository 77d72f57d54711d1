#include "execute/tree_backend.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "execute/tree_executor.h"
#include "execute/tree_trial.h"
#include "model/text_file.h"
#include "trees/predictor.h"
#include "trees/tree_graph.h"

namespace mlops {
namespace {

// A thousand deep trees have a tenth of this. The file is read once more, whole.
constexpr std::size_t kFileBytesMax = std::size_t{512} << 20;

class TreeBackend final : public Backend {
 public:
  TreeBackend(Signature signature, std::string platform, TreeTensors tensors,
              std::unique_ptr<TreePredictor> predictor)
      : signature_(std::move(signature)),
        platform_(std::move(platform)),
        tensors_(std::move(tensors)),
        predictor_(std::move(predictor)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return platform_; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return TreeExecutor::make(*predictor_, tensors_);
  }
  const TreePredictor& predictor() const { return *predictor_; }
  const TreeTensors& tensors() const { return tensors_; }

 private:
  const Signature signature_;
  const std::string platform_;  // of the file's format, which is what clients ask about
  const TreeTensors tensors_;
  const std::unique_ptr<TreePredictor> predictor_;
};

Result<std::vector<TreeOutput>> match_outputs(const Signature& signature, const TreeGraph& graph) {
  std::vector<TreeOutput> kinds;
  for (const TensorSpec& spec : signature.outputs) {
    const auto found =
        std::ranges::find(graph.outputs, spec.name, &std::pair<std::string, TreeOutput>::first);
    if (found == graph.outputs.end()) return Status::unimplemented("its outputs are not clear");
    if (!spec.rank_known || spec.dims.empty() || (spec.dims[0] != kAnySize && spec.dims[0] != 1)) {
      return Status::unimplemented("output '" + spec.name + "' has a number of rows of its own");
    }
    const bool classes = found->second == TreeOutput::classes;
    const DType of_classes = graph.forest.classes.names.empty() ? DType::i64 : DType::bytes;
    if (spec.dtype != (classes ? of_classes : DType::f32)) {
      return Status::unimplemented("output '" + spec.name + "' has a type of its own");
    }
    kinds.push_back(found->second);
  }
  return kinds;
}

bool declares_one_row(const Signature& signature) {
  return std::ranges::any_of(signature.outputs,
                             [](const TensorSpec& spec) { return spec.dims[0] == 1; });
}

// How many values a row has in a trial.
Result<std::int64_t> row_width(const Signature& signature, const TreeGraph& graph) {
  if (signature.inputs.size() != 1 || signature.inputs[0].name != graph.input) {
    return Status::unimplemented("its trees do not read the model's one input");
  }
  const TensorSpec& input = signature.inputs[0];
  if (input.dtype != DType::f32 || !input.rank_known || input.dims.size() != 2) {
    return Status::unimplemented("its input is no table of FP32");
  }
  const std::int64_t width = input.dims[1] == kAnySize ? graph.forest.features : input.dims[1];
  if (std::cmp_less(width, graph.forest.features)) {
    return Status::unimplemented("its trees read more values than a row has");
  }
  const bool fit = std::ranges::all_of(graph.steps, [width](const RowStep& step) {
    return step.fits(static_cast<std::size_t>(width));
  });
  if (!fit) return Status::unimplemented("what is before its trees is made for other rows");
  if (!graph.steps.empty() && input.dims[1] == kAnySize) {
    return Status::unimplemented("its number of columns is open");
  }
  if (input.dims[0] != kAnySize) return Status::unimplemented("its number of rows is fixed");
  return width;
}

std::string two_digits(double ratio) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2g", ratio);
  return text.data();
}

struct Candidate {
  std::unique_ptr<TreeBackend> backend;
  std::int64_t width = 0;
};

Result<Candidate> make_candidate(const Backend& loaded, const std::string& file) {
  Result<TreeGraph> graph = read_tree_graph(file);
  if (!graph.ok()) return graph.status();
  const Result<std::int64_t> width = row_width(loaded.signature(), *graph);
  if (!width.ok()) return width.status();
  Result<std::vector<TreeOutput>> outputs = match_outputs(loaded.signature(), *graph);
  if (!outputs.ok()) return outputs.status();
  Result<std::unique_ptr<TreePredictor>> predictor = TreePredictor::make(std::move(graph->forest));
  if (!predictor.ok()) return predictor.status();
  return Candidate{
      std::make_unique<TreeBackend>(loaded.signature(), std::string(loaded.platform()),
                                    TreeTensors{*std::move(outputs), std::move(graph->steps)},
                                    *std::move(predictor)),
      *width};
}

}  // namespace

Result<TreeExecution> tree_execution(const ConfigStrings& parameters) {
  const auto found = parameters.find("tree_execution");
  if (found == parameters.end() || found->second == "auto") return TreeExecution::automatic;
  if (found->second == "onnxruntime") return TreeExecution::onnxruntime;
  if (found->second == "native") return TreeExecution::native;
  return Status::invalid_argument("parameter tree_execution is '" + found->second +
                                  "'; it can be auto, onnxruntime or native");
}

Result<TreeChoice> choose_tree_backend(std::unique_ptr<Backend> loaded,
                                       const std::string& model_path, TreeExecution wanted) {
  if (wanted == TreeExecution::onnxruntime) return TreeChoice{std::move(loaded), {}};
  const bool forced = wanted == TreeExecution::native;
  const auto keep = [&](const std::string& why) -> Result<TreeChoice> {
    if (forced) return Status::unimplemented("tree_execution is native, but " + why);
    return TreeChoice{std::move(loaded), "trees run in ONNX Runtime: " + why};
  };
  const Result<std::string> file = read_file(model_path, kFileBytesMax);
  if (!file.ok()) return keep("its file is too large to be read for trees");
  if (!forced && !has_tree_ensemble(*file)) return TreeChoice{std::move(loaded), {}};
  Result<Candidate> made = make_candidate(*loaded, *file);
  if (!made.ok()) return keep(made.status().message());
  const TreePredictor& predictor = made->backend->predictor();
  const Result<TreeTrial> trial = try_trees(
      *loaded, *made->backend, predictor.forest(),
      {made->width, declares_one_row(loaded->signature()), made->backend->tensors().steps});
  if (!trial.ok()) return keep("a trial failed: " + trial.status().message());
  if (!trial->alike) return keep("our answers to some rows differ from its");
  const bool faster = trial->speed_up_one_row > 1 && trial->speed_up_many_rows > 1;
  if (!faster && !forced) return keep("it is the faster one here");
  const Forest& forest = predictor.forest();
  return TreeChoice{std::move(made->backend),
                    std::to_string(forest.roots.size()) + " trees of depth " +
                        std::to_string(*std::ranges::max_element(forest.depths)) +
                        " run natively (" + predictor.finders() + "), ONNX Runtime took " +
                        two_digits(trial->speed_up_one_row) + " times as long for a row, " +
                        two_digits(trial->speed_up_many_rows) + " for " +
                        std::to_string(kTrialRows)};
}

}  // namespace mlops
