#include "protocol/execution_json.h"

#include "protocol/json_writer.h"

namespace mlops {
namespace {

void write(JsonWriter& json, const ExecutionTried& tried) {
  json.object().key("name").string(tried.name);
  if (!tried.refused.empty()) {
    json.key("refused").string(tried.refused).end_object();
    return;
  }
  json.key("largest_difference").number(tried.difference).key("times").array();
  for (const TrialTimes& times : tried.times) {
    json.object().key("rows").integer(times.rows).key("speed_up").number(times.speed_up);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string execution_json(const ModelInfo& info) {
  const ExecutionAccount account = info.execution ? info.execution->account() : ExecutionAccount();
  JsonWriter json;
  json.object().key("name").string(info.name).key("version").string(std::to_string(info.version));
  json.key("platform").string(info.platform);
  json.key("lanes").integer(info.lanes);
  json.key("reason").string(account.reason);
  json.key("settled").boolean(account.settled);
  json.key("tried").array();
  for (const ExecutionTried& tried : account.tried) write(json, tried);
  json.end_array().end_object();
  return json.take();
}

}  // namespace mlops
