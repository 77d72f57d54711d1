#include "engine/execution_choice.h"

#include <string>
#include <utility>

#include "base/thread_clock.h"
#include "engine/byte_choice.h"
#include "engine/warm_up.h"
#include "execute/succession_backend.h"
#include "execute/tree_backend.h"

namespace mlops {
namespace {

// For each lane of a back end that is to take over.
constexpr auto kWarmBudget = std::chrono::milliseconds(300);
constexpr std::int64_t kWarmRowsMax = 32;

// What the older parameter says, where the newer says nothing of trees.
Result<TreeExecution> wanted_trees(const ExecutionWish& wish, const ConfigStrings& parameters) {
  const Result<TreeExecution> older = tree_execution(parameters);
  if (!older.ok()) return older;
  if (wish.execution == Execution::trees) return TreeExecution::native;
  const bool none =
      wish.execution == Execution::onnxruntime || wish.execution == Execution::openvino;
  return none ? TreeExecution::onnxruntime : *older;
}

// The search after a version was loaded: what it works on, without the version.
struct VersionSearch {
  std::weak_ptr<Succession> succession;
  std::shared_ptr<ExecutionNote> note;
  ModelSource source;
  ExecutionWish wish;
  ExecutionParts parts;
  LogSink& log;
  bool serving = true;
  std::vector<ExecutionTried> before{};  // at the load

  void run(const std::stop_token& stop) {
    const std::shared_ptr<Succession> version = succession.lock();
    const std::shared_ptr<Backend> loaded = version ? version->first() : nullptr;
    if (!loaded) return;
    // What serves meanwhile takes the processor away: only time of this thread counts.
    const ThreadClock own_time;
    if (serving) parts.clock = &own_time;
    parts.stop = stop;
    ExecutionFound found = find_execution(*loaded, source, wish, parts);
    if (stop.stop_requested()) return;
    bool other_runs = false;
    if (found.other) {
      const Signature signature = found.other->signature();
      const std::int64_t open_size = found.open_size;
      const Status passed = version->pass_to(composed(loaded, found, wish), [&](Executor& one) {
        warm_batches(one, signature, open_size, kWarmRowsMax, kWarmBudget, *parts.clock);
      });
      other_runs = passed.ok();
      if (!passed.ok()) {
        found.verdict.reason =
            "runs in ONNX Runtime: another could not take over: " + passed.message();
      }
    }
    found.tried.insert(found.tried.begin(), before.begin(), before.end());
    note->set({found.verdict.reason, true, std::move(found.tried)});
    if (!other_runs && serving && !wish.asked()) return;  // nobody wondered
    log.log(Severity::info, "model '" + source.name + "' version " +
                                std::to_string(source.version) + ": " + found.verdict.reason);
  }
};

}  // namespace

Result<ExecutionChoice> choose_execution(std::unique_ptr<Backend> loaded, const ModelSource& source,
                                         const ExecutionWish& defaults, const ExecutionParts& parts,
                                         LogSink& log) {
  const ConfigStrings none;
  const ConfigStrings& parameters = source.config ? source.config->parameters : none;
  const Result<ExecutionWish> wish =
      execution_wish(parameters, source.execution.value_or(defaults));
  if (!wish.ok()) return wish.status();
  const Result<TreeExecution> trees = wanted_trees(*wish, parameters);
  if (!trees.ok()) return trees.status();
  Result<TreeChoice> tried = choose_tree_backend(std::move(loaded), source.path, *trees);
  if (!tried.ok()) return tried.status();
  const auto settled = [](std::unique_ptr<Backend> backend, ExecutionAccount account) {
    auto note = std::make_shared<ExecutionNote>("");
    note->set(std::move(account));
    return ExecutionChoice{std::move(backend), std::move(note), nullptr, false};
  };
  // With a reason it has trees, which OpenVINO does not know.
  if (!tried->reason.empty()) {
    return settled(std::move(tried->backend), {std::move(tried->reason), true, {}});
  }
  ByteChoice bytes{std::move(tried->backend), {}, false};
  if (wish->execution == Execution::standard || wish->execution == Execution::automatic) {
    bytes = choose_byte_backend(std::move(bytes.backend), source);
  }
  const bool nobody_asked =
      !wish->asked() && (!parts.openvino_installed || source.ort.intra_op_threads > 1);
  if (bytes.chosen || !wish->tries_openvino() || nobody_asked) {
    return settled(std::move(bytes.backend), std::move(bytes.account));
  }
  const bool later = wish->execution == Execution::automatic && wish->trial == TrialTime::serving;
  const auto succession = std::make_shared<Succession>(std::move(bytes.backend));
  auto note =
      std::make_shared<ExecutionNote>("runs in ONNX Runtime; others are not tried yet", false);
  const auto search = std::make_shared<VersionSearch>(
      VersionSearch{succession, note, source, *wish, parts, log, later, bytes.account.tried});
  return ExecutionChoice{make_succession_backend(succession), std::move(note),
                         [search](const std::stop_token& stop) { search->run(stop); }, !later};
}

}  // namespace mlops
