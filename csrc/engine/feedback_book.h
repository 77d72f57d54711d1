#pragma once
// What a model predicted by request id, so that labels can be joined to it when they come: where in
// its outputs a prediction stands, one bounded store for all versions of the model, and what a lane
// notes of the rows that it ran. docs/adr/0048.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/feedback_settings.h"
#include "labels/label_join.h"
#include "request/request.h"
#include "tensor/signature.h"

namespace mlops {

struct ModelInfo;
struct ModelSource;
struct EngineStats;
struct QualityView;

struct FeedbackPlan {
  Task task = Task::binary;
  std::int32_t classes = 2;
  std::size_t output = 0;   // of the signature
  std::size_t columns = 1;  // elements of a row
  DType dtype = DType::f32;
  double threshold = 0.5;  // binary: from which chance on class 1 is predicted
};

// By the configuration's parameters `feedback`, `feedback_output` and `feedback_threshold`. False:
// nobody asked. invalid_argument when no output of the model can be such a prediction.
Result<bool> plan_feedback(const ModelSource& source, const ModelInfo& info, FeedbackPlan& plan);

// The prediction in one row of the output's bytes.
void read_prediction(const FeedbackPlan& plan, const std::byte* row, MadePrediction& made);

// The stores of an engine's models. Thread-safe.
class FeedbackBooks {
 public:
  FeedbackBooks(const FeedbackSettings& settings, const Clock& clock)
      : settings_(settings), clock_(clock) {}

  // That of a model; versions of another task begin a new one.
  Result<std::shared_ptr<LabelJoin>> open(const std::string& model, const FeedbackPlan& plan);
  std::shared_ptr<LabelJoin> find(const std::string& model) const;
  void add_to(EngineStats& stats) const;

 private:
  const FeedbackSettings& settings_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LabelJoin>, std::less<>> books_;  // guarded by mutex_
};

Result<QualityView> quality_of(const LabelJoin& book, std::int64_t version,
                               std::optional<Duration> span);

// What a version's lanes share.
struct FeedbackTarget {
  FeedbackPlan plan;
  std::shared_ptr<LabelJoin> book;
  std::int64_t version = 0;
};

// Of one lane. Predictions are read before the answer takes the outputs away, and stored before it
// goes: a label may come back at once.
class PredictionNotes {
 public:
  explicit PredictionNotes(std::shared_ptr<const FeedbackTarget> target)
      : target_(std::move(target)) {}

  std::size_t output() const { return target_->plan.output; }
  // Rows `first` to `first + rows` of the batch are this request's. One without an id is not noted;
  // row i of several is called "id#i".
  void note(const Request& request, const Tensor& output, std::size_t first, std::size_t rows);
  void store();
  // Of an execution that failed after all.
  void discard() { made_.clear(); }

 private:
  const std::shared_ptr<const FeedbackTarget> target_;
  std::vector<MadePrediction> made_;
  std::string name_;  // scratch
};

}  // namespace mlops
