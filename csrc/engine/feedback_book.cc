#include "engine/feedback_book.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "engine/engine.h"
#include "observe/stage.h"

namespace mlops {
namespace {

Status no_feedback(const std::string& why) {
  return Status::invalid_argument("parameter 'feedback': " + why);
}

const std::string* parameter(const ModelSource& source, const std::string& name) {
  if (!source.config) return nullptr;
  const auto found = source.config->parameters.find(name);
  return found == source.config->parameters.end() ? nullptr : &found->second;
}

// Elements of a row of an output that may be a prediction; 0 of one that cannot.
std::size_t prediction_columns(const TensorSpec& spec) {
  const bool real = spec.dtype == DType::f32 || spec.dtype == DType::f64;
  return real && spec.rank_known && !spec.dims.empty() ? columns_of(spec).value_or(0) : 0;
}

bool fits_task(Task task, std::size_t columns) {
  if (task == Task::regression) return columns == 1;
  if (task == Task::binary) return columns == 1 || columns == 2;
  return columns >= 2 && columns <= static_cast<std::size_t>(kClassesMax);
}

double element(const FeedbackPlan& plan, const std::byte* row, std::size_t column) {
  if (plan.dtype == DType::f64) {
    double value = 0;
    std::memcpy(&value, row + column * sizeof(value), sizeof(value));
    return value;
  }
  float value = 0;
  std::memcpy(&value, row + column * sizeof(value), sizeof(value));
  return static_cast<double>(value);
}

Status find_output(const ModelSource& source, const ModelInfo& info, FeedbackPlan& plan) {
  const std::vector<TensorSpec>& outputs = info.signature.outputs;
  const std::string* const named = parameter(source, "feedback_output");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (named && outputs[i].name != *named) continue;
    plan.columns = prediction_columns(outputs[i]);
    if (!fits_task(plan.task, plan.columns)) continue;
    plan.output = i;
    plan.dtype = outputs[i].dtype;
    plan.classes = plan.task == Task::classes  ? static_cast<std::int32_t>(plan.columns)
                   : plan.task == Task::binary ? 2
                                               : 0;
    return {};
  }
  return no_feedback(
      (named ? "output '" + *named + "' is no prediction of that task"
             : "no output is a prediction of that task") +
      ": binary wants 1 or 2 columns of FP32 or FP64, classes 2 to 64, regression 1");
}

}  // namespace

Result<bool> plan_feedback(const ModelSource& source, const ModelInfo& info, FeedbackPlan& plan) {
  const std::string* const task = parameter(source, "feedback");
  if (!task || *task == "off") return false;
  if (*task == "binary") {
    plan.task = Task::binary;
  } else if (*task == "classes") {
    plan.task = Task::classes;
  } else if (*task == "regression") {
    plan.task = Task::regression;
  } else {
    return no_feedback("it is binary, classes, regression or off, not '" + task->substr(0, 64) +
                       "'");
  }
  if (!info.has_batch_axis || info.decoupled || source.sequences) {
    return no_feedback("predictions are noted of models that are batched and keep no state");
  }
  if (const std::string* const text = parameter(source, "feedback_threshold")) {
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, plan.threshold);
    if (error != std::errc() || stop != end || !(plan.threshold >= 0 && plan.threshold <= 1)) {
      return no_feedback("feedback_threshold is a number from 0 to 1");
    }
  }
  if (Status s = find_output(source, info, plan); !s.ok()) return s;
  return true;
}

void read_prediction(const FeedbackPlan& plan, const std::byte* row, MadePrediction& made) {
  if (plan.task == Task::regression) {
    made.score = element(plan, row, 0);
    return;
  }
  if (plan.task == Task::binary) {
    made.score = element(plan, row, plan.columns - 1);
    made.predicted = made.score >= plan.threshold ? 1 : 0;
    return;
  }
  made.score = element(plan, row, 0);
  for (std::size_t column = 1; column < plan.columns; ++column) {
    const double score = element(plan, row, column);
    if (!(score > made.score)) continue;
    made.score = score;
    made.predicted = static_cast<std::int32_t>(column);
  }
}

Result<std::shared_ptr<LabelJoin>> FeedbackBooks::open(const std::string& model,
                                                       const FeedbackPlan& plan) {
  LabelJoin::Options options;
  options.task = plan.task;
  options.classes = plan.classes;
  options.bytes = settings_.bytes;
  options.keep = settings_.keep;
  options.slot = settings_.slot;
  options.slots = static_cast<std::size_t>(settings_.keep / settings_.slot) + 1;
  options.replace_versions = true;
  std::random_device random;
  options.seed = (std::uint64_t{random()} << 32) | random();
  if (Status s = LabelJoin::check(options); !s.ok()) return s;
  const std::lock_guard lock(mutex_);
  // What no version of a model uses any more is kept for the model alone that comes back.
  std::erase_if(books_, [&](const auto& known) {
    return known.first != model && known.second.use_count() == 1;
  });
  std::shared_ptr<LabelJoin>& book = books_[model];
  const bool same =
      book && book->options().task == plan.task && book->options().classes == plan.classes;
  if (!same) book = std::make_shared<LabelJoin>(options, clock_);
  return book;
}

std::shared_ptr<LabelJoin> FeedbackBooks::find(const std::string& model) const {
  const std::lock_guard lock(mutex_);
  const auto found = books_.find(model);
  return found == books_.end() ? nullptr : found->second;
}

Result<QualityView> quality_of(const LabelJoin& book, std::int64_t version,
                               std::optional<Duration> span) {
  const LabelJoin::Options& options = book.options();
  const Duration all = options.keep + options.slot;
  return QualityView{options.task, book.realised(version, span ? std::min(*span, all) : all),
                     book.calibration(version)};
}

void FeedbackBooks::add_to(EngineStats& stats) const {
  std::vector<std::pair<std::string, std::shared_ptr<LabelJoin>>> books;
  {
    const std::lock_guard lock(mutex_);
    books.assign(books_.begin(), books_.end());
  }
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [model, book] : books) {
    FeedbackStats feedback{model, book->counts(), {}};
    const Task task = book->options().task;
    for (const std::int64_t version : book->versions()) {
      const RealisedQuality seen = book->realised(version, book->options().keep);
      const bool classes = task != Task::regression;
      const bool binary = task == Task::binary;
      feedback.versions.push_back(
          {version, seen.coverage(), classes ? seen.quality.accuracy() : kNothing,
           binary ? seen.expected.accuracy() : kNothing,
           classes ? kNothing : seen.quality.mean_absolute_error(),
           binary ? book->calibration(version).log_wealth_max() : kNothing});
    }
    stats.feedback.push_back(std::move(feedback));
  }
}

void PredictionNotes::note(const Request& request, const Tensor& output, std::size_t first,
                           std::size_t rows) {
  if (request.id.empty()) return;
  const FeedbackPlan& plan = target_->plan;
  const std::size_t stride = plan.columns * size_of(plan.dtype);
  if (output.dtype != plan.dtype || output.bytes.size() < (first + rows) * stride) return;
  for (std::size_t i = 0; i < rows; ++i) {
    MadePrediction made;
    read_prediction(plan, output.bytes.data() + (first + i) * stride, made);
    if (rows == 1) {
      made.id = target_->book->hash_of(request.id);
    } else {
      name_.assign(request.id).append("#").append(std::to_string(i));
      made.id = target_->book->hash_of(name_);
    }
    made_.push_back(made);
  }
}

void PredictionNotes::store() {
  if (made_.empty()) return;
  target_->book->predicted(made_, target_->version);
  made_.clear();
}

}  // namespace mlops
