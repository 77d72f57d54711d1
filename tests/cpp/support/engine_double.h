#pragma once
// An Engine without a pipeline: it remembers what a transport hands it and answers when the test
// says so, by echoing every input as an output of the same name. One model, "echo", with any
// version.

#include <atomic>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "support/requests.h"

namespace mlops::testing {

class EngineDouble final : public Engine {
 public:
  bool answer_at_once = true;
  bool is_ready = true;
  bool decoupled = false;  // the test answers, by send_part() and complete() on what waits

  Status load(const ModelSource&) override { return {}; }
  Status load(const ModelSource&, std::unique_ptr<Backend>) override { return {}; }
  Status unload(const std::string&, std::int64_t) override { return {}; }
  std::vector<Status> replace(const ModelSet&) override { return {}; }
  Status load_repository(const std::string&) override { return {}; }

  Result<ModelInfo> info(const std::string& name, std::int64_t) const override {
    if (name != "echo") return Status::not_found("no model '" + name + "'");
    ModelInfo info;
    info.name = name;
    info.version = 1;
    info.versions = {1};
    info.platform = "double";
    info.signature = echo_signature();
    return info;
  }
  std::vector<ModelInfo> models() const override { return {*info("echo", 1)}; }
  bool ready() const override { return is_ready; }

  Response infer(Request&& request) override { return echo(request); }
  void submit(PendingRef pending) override { take(std::move(pending)); }
  void submit_turn(std::span<PendingRef> turn) override {
    {
      const std::lock_guard lock(mutex_);
      turns_.push_back(turn.size());
    }
    for (PendingRef& pending : turn) take(std::move(pending));
  }
  bool drain(TimePoint) override { return true; }

  EngineStats stats() const override { return {}; }
  CopyMeter& copies() override { return copies_; }
  const EngineOptions& options() const override { return options_; }

  // Sizes of the turns that were submitted.
  std::vector<std::size_t> turns() const {
    const std::lock_guard lock(mutex_);
    return turns_;
  }
  std::vector<PendingRef> take_waiting() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

  static Response echo(const Request& request) {
    if (request.model != "echo") {
      return Response::failure(request, Status::not_found("no model '" + request.model + "'"));
    }
    Response response;
    response.model = request.model;
    response.version = 1;
    response.id = request.id;
    auto names = std::make_shared<std::vector<std::string>>();
    names->reserve(request.inputs.size());
    for (const NamedTensor& input : request.inputs) {
      Tensor tensor = input.tensor;
      tensor.owner = allocate_buffer(tensor.bytes.size());
      std::copy(tensor.bytes.begin(), tensor.bytes.end(), tensor.owner->data());
      tensor.bytes = writable(tensor.owner);
      names->push_back(std::string(input.name));
      response.outputs.push_back({names->back(), std::move(tensor)});
    }
    response.model_pin = names;
    return response;
  }

 private:
  void take(PendingRef pending) {
    if (pending->done()) return;
    pending->decoupled = decoupled && pending->takes_parts();
    if (answer_at_once && !pending->decoupled) {
      pending->complete(echo(pending->request));
    } else {
      if (pending->decoupled) pending->claim();
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(pending));
    }
  }

  mutable std::mutex mutex_;
  std::vector<std::size_t> turns_;
  std::vector<PendingRef> waiting_;
  CopyMeter copies_;
  EngineOptions options_;
};

}  // namespace mlops::testing
