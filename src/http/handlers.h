#pragma once
// Every endpoint of the HTTP ports but infer, one file per topic: handlers_<topic>.cc. The tables
// that name them are in handlers.cc.

#include "http/http_service.h"
#include "http/routes.h"

namespace mlops {

HttpAnswer failure(const Status& status);
HttpAnswer error_answer(const Status& status, std::string_view request_id);  // of an inference
HttpAnswer answer_done(const Status& status);  // of calls that answer nothing when all is well
// Runs it, and has it audited where the ask says so.
HttpAnswer run_handler(const HttpService& service, HttpHandler handler, HttpAsk& ask);
// `body` when it is ok, its error otherwise.
HttpAnswer answer_with(Result<std::string> body);
Result<ModelInfo> find_model(const HttpService& service, const HttpAsk& ask);

// handlers_cache.cc
HttpAnswer cache_report(const HttpService& service, const HttpAsk& ask);
HttpAnswer cache_flush(const HttpService& service, const HttpAsk& ask);

// handlers_drift.cc
HttpAnswer drift_report(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_period_before(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_hours_of_week(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_decayed(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_alerts(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_profile(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_reset(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_freeze(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_reference(const HttpService& service, const HttpAsk& ask);
HttpAnswer drift_collect(const HttpService& service, const HttpAsk& ask);

// handlers_execution.cc
HttpAnswer model_execution(const HttpService& service, const HttpAsk& ask);

// handlers_feedback.cc
HttpAnswer give_feedback(const HttpService& service, const HttpAsk& ask);
HttpAnswer model_quality(const HttpService& service, const HttpAsk& ask);

// handlers_health.cc
HttpAnswer server_live(const HttpService& service, const HttpAsk& ask);
HttpAnswer server_ready(const HttpService& service, const HttpAsk& ask);
HttpAnswer model_ready(const HttpService& service, const HttpAsk& ask);
HttpAnswer metrics(const HttpService& service, const HttpAsk& ask);

// handlers_metadata.cc
HttpAnswer server_metadata(const HttpService& service, const HttpAsk& ask);
HttpAnswer model_metadata(const HttpService& service, const HttpAsk& ask);
HttpAnswer model_config(const HttpService& service, const HttpAsk& ask);

// handlers_repository.cc
HttpAnswer repository_index(const HttpService& service, const HttpAsk& ask);
HttpAnswer repository_load(const HttpService& service, const HttpAsk& ask);
HttpAnswer repository_unload(const HttpService& service, const HttpAsk& ask);

// handlers_route.cc
HttpAnswer get_route(const HttpService& service, const HttpAsk& ask);
HttpAnswer set_route(const HttpService& service, const HttpAsk& ask);
HttpAnswer clear_route(const HttpService& service, const HttpAsk& ask);
HttpAnswer explain_route(const HttpService& service, const HttpAsk& ask);

// handlers_settings.cc
HttpAnswer get_trace_setting(const HttpService& service, const HttpAsk& ask);
HttpAnswer set_trace_setting(const HttpService& service, const HttpAsk& ask);
HttpAnswer get_log_settings(const HttpService& service, const HttpAsk& ask);
HttpAnswer set_log_settings(const HttpService& service, const HttpAsk& ask);

// handlers_shared_memory.cc
HttpAnswer system_memory_status(const HttpService& service, const HttpAsk& ask);
HttpAnswer system_memory_register(const HttpService& service, const HttpAsk& ask);
HttpAnswer system_memory_unregister(const HttpService& service, const HttpAsk& ask);
HttpAnswer cuda_memory_status(const HttpService& service, const HttpAsk& ask);
HttpAnswer cuda_memory_register(const HttpService& service, const HttpAsk& ask);
HttpAnswer cuda_memory_unregister(const HttpService& service, const HttpAsk& ask);

// handlers_statistics.cc
HttpAnswer model_statistics(const HttpService& service, const HttpAsk& ask);

}  // namespace mlops
