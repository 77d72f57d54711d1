#include "protocol/grpc_feedback.h"

#include <cmath>

#include "protocol/feedback_json.h"
#include "protocol/grpc_cold_parse.h"
#include "protocol/mlops.pb.h"

namespace mlops {
namespace {

using Item = v1::FeedbackRequest::Item;

Result<Feedback> feedback_of(const Item& item, int index) {
  const auto wrong = [&](const std::string& why) {
    return Status::invalid_argument("feedback " + std::to_string(index) + " " + why);
  };
  if (item.id().empty() || item.id().size() > kFeedbackIdBytesMax) {
    return wrong("needs an 'id' of 1 to 1024 bytes");
  }
  Feedback feedback{FeedbackKind::label, item.id(), item.label()};
  if (item.value_case() == Item::kReward) {
    if (item.correction()) return wrong("corrects a reward; only labels are corrected");
    feedback.kind = FeedbackKind::reward;
    feedback.value = item.reward();
  } else if (item.value_case() != Item::kLabel) {
    return wrong("needs a 'label' or a 'reward'");
  } else if (item.correction()) {
    feedback.kind = FeedbackKind::correction;
  }
  if (!std::isfinite(feedback.value)) return wrong("has a value that is no number");
  return feedback;
}

}  // namespace

Result<std::string> answer_grpc_feedback(std::string_view message, Engine& engine) {
  if (message.size() > kFeedbackBytesMax) {
    return Status::invalid_argument("more than " + std::to_string(kFeedbackBytesMax) +
                                    " bytes of feedback at once");
  }
  const auto request = parse_grpc<v1::FeedbackRequest>(message);
  if (!request.ok()) return request.status();
  if (static_cast<std::size_t>(request->items_size()) > kFeedbackItemsMax) {
    return Status::invalid_argument("more than " + std::to_string(kFeedbackItemsMax) +
                                    " items in one message");
  }
  std::vector<Feedback> items;
  items.reserve(static_cast<std::size_t>(request->items_size()));
  for (int i = 0; i < request->items_size(); ++i) {
    Result<Feedback> item = feedback_of(request->items(i), i);
    if (!item.ok()) return item.status();
    items.push_back(*std::move(item));
  }
  const Result<std::vector<Joined>> results = engine.feedback(request->model(), items);
  if (!results.ok()) return results.status();
  v1::FeedbackResponse reply;
  for (const Joined joined : *results) {
    reply.add_results(static_cast<v1::FeedbackResponse::Outcome>(joined));
  }
  return reply.SerializeAsString();
}

}  // namespace mlops
