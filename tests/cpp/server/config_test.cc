#include "config.h"

#include <gtest/gtest.h>

#include <map>

namespace mlops {
namespace {

Result<ServerConfig> parse(std::vector<const char*> arguments,
                           std::map<std::string, std::string> environment = {}) {
  return parse_config(arguments, [&environment](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

std::string refusal(std::vector<const char*> arguments,
                    std::map<std::string, std::string> environment = {}) {
  const Result<ServerConfig> config = parse(std::move(arguments), std::move(environment));
  return config.ok() ? "accepted" : config.status().message();
}

TEST(Config, DefaultsAreTritonsPorts) {
  const Result<ServerConfig> config = parse({"--model-repository", "models"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->http_port, 8000);
  EXPECT_EQ(config->grpc_port, 8001);
  EXPECT_EQ(config->metrics_port, 8002);
  EXPECT_EQ(config->host, "0.0.0.0");
  EXPECT_GE(config->threads, 1U);
  EXPECT_EQ(config->exit_timeout_s, 30U);
}

TEST(Config, TakesValuesInBothSpellings) {
  const Result<ServerConfig> config =
      parse({"--model-repository=a=b", "--http-port", "-1", "--grpc-port=0", "--threads", "3",
             "--log-format=text", "--host", "::1", "--ort-library=x.so", "--check",
             "--cache-directory=/c", "--cache-bytes-max", "1000"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->operations.cache_directory, "/c");
  EXPECT_EQ(config->operations.cache_bytes_max, 1000U);
  EXPECT_EQ(config->model_repositories.at(0), "a=b");
  EXPECT_EQ(config->http_port, -1);
  EXPECT_EQ(config->grpc_port, 0);
  EXPECT_EQ(config->threads, 3U);
  EXPECT_EQ(config->log_format, LogFormat::text);
  EXPECT_EQ(config->host, "::1");
  EXPECT_TRUE(config->check_only);
}

TEST(Config, AnswersAreKeptInSoManyBytes) {
  const auto bytes = [](const char* flag) {
    return parse({"--model-repository=m", flag})->operations.response_cache_bytes;
  };
  EXPECT_EQ(bytes("--threads=1"), 0U);
  EXPECT_EQ(bytes("--response-cache-byte-size=1000000"), 1000000U);
  EXPECT_EQ(bytes("--cache-config=local,size=1048576"), 1048576U);
  const auto refused = [](const char* flag) { return refusal({"--model-repository=m", flag}); };
  EXPECT_NE(refused("--response-cache-byte-size=1000").find("at least 65536"), std::string::npos);
  EXPECT_NE(refused("--cache-config=redis,host=h").find("there is 'local'"), std::string::npos);
  EXPECT_NE(refused("--cache-config=local").find("size=BYTES"), std::string::npos);
}

TEST(Config, UnknownFlagsNameTheNearest) {
  EXPECT_NE(refusal({"--model-repo", "x"}).find("did you mean --model-repository?"),
            std::string::npos);
  EXPECT_NE(refusal({"--htp-port=1"}).find("did you mean --http-port?"), std::string::npos);
  EXPECT_EQ(refusal({"zzzzzzzzzzzzzzzzzzzzzzzzzz"}).find("did you mean"), std::string::npos);
}

TEST(Config, RefusesWhatCannotBe) {
  EXPECT_NE(refusal({}).find("--model-repository is missing"), std::string::npos);
  EXPECT_NE(refusal({"--model-repository"}).find("needs a value: DIR"), std::string::npos);
  EXPECT_NE(refusal({"--http-port", "65536"}).find("from -1 to 65535"), std::string::npos);
  EXPECT_NE(refusal({"--http-port", "80x"}).find("'80x' is not"), std::string::npos);
  EXPECT_NE(refusal({"--busy-poll-us", "-1"}).find("from 0 to"), std::string::npos);
  EXPECT_NE(refusal({"--threads", "0"}).find("from 1 to"), std::string::npos);
  EXPECT_NE(refusal({"--check=yes", "--model-repository=m"}).find("takes no value"),
            std::string::npos);
  EXPECT_NE(refusal({"--log-format=xml"}).find("'json' or 'text'"), std::string::npos);
  EXPECT_NE(refusal({"--model-repository=m", "--http-port=7", "--grpc-port=7"}).find("given twice"),
            std::string::npos);
  EXPECT_EQ(refusal({"--model-repository=m", "--http-port=0", "--grpc-port=0"}), "accepted");
}

TEST(Config, LimitsComeFromTheEnvironment) {
  const Result<ServerConfig> config =
      parse({"--model-repository=m"}, {{"MLOPS_RECEIVE_TIMEOUT_MS", "200"},
                                       {"MLOPS_CONNECTIONS_MAX", "10"},
                                       {"MLOPS_SERVER_NAME", "triton"}});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->limits.receive_timeout_ms, 200U);
  EXPECT_EQ(config->limits.connections_max, 10U);
  EXPECT_EQ(config->server_name, "triton");
  EXPECT_NE(refusal({"--model-repository=m"}, {{"MLOPS_CONNECTIONS_MAX", "many"}})
                .find("MLOPS_CONNECTIONS_MAX: 'many' is not"),
            std::string::npos);
}

TEST(Config, EachTimeAndEachPortHasItsLimit) {
  const auto both = parse({"--model-repository=m"}, {{"MLOPS_RECEIVE_TIMEOUT_MS", "200"}});
  EXPECT_EQ(both->limits.header_ms(), 200U);
  EXPECT_EQ(both->limits.body_ms(), 200U);
  const auto config = parse({"--model-repository=m"}, {{"MLOPS_RECEIVE_TIMEOUT_MS", "200"},
                                                       {"MLOPS_HEADER_TIMEOUT_MS", "100"},
                                                       {"MLOPS_BODY_TIMEOUT_MS", "300"},
                                                       {"MLOPS_GRPC_IDLE_TIMEOUT_MS", "400"},
                                                       {"MLOPS_HEADER_BYTES_MAX", "32768"},
                                                       {"MLOPS_CONNECTIONS_MAX", "10"},
                                                       {"MLOPS_GRPC_CONNECTIONS_MAX", "5"},
                                                       {"MLOPS_METRICS_CONNECTIONS_MAX", "6"},
                                                       {"MLOPS_ADMIN_CONNECTIONS_MAX", "7"}});
  ASSERT_TRUE(config.ok()) << config.status().message();
  const std::string shown = describe(*config, {});
  for (const char* line :
       {"header-timeout-ms = 100\n", "body-timeout-ms = 300\n", "idle-timeout-ms = 120000\n",
        "grpc-idle-timeout-ms = 400\n", "header-bytes-max = 32768\n", "connections-max = 10\n",
        "http-connections-max = 10\n", "grpc-connections-max = 5\n",
        "metrics-connections-max = 6\n", "admin-connections-max = 7\n"}) {
    EXPECT_NE(shown.find(line), std::string::npos) << line;
  }
  EXPECT_NE(refusal({"--model-repository=m"}, {{"MLOPS_HEADER_BYTES_MAX", "1023"}}).find("1024"),
            std::string::npos);
}

TEST(Config, HelpListsEveryFlagAndVariable) {
  EXPECT_TRUE(parse({"--help"}).ok());
  EXPECT_TRUE(parse({"--version"}).ok());
  const std::string help = help_text();
  for (const char* name : {"--model-repository", "--exit-timeout-s", "--check", "--help",
                           "MLOPS_IDLE_TIMEOUT_MS", "MLOPS_HEADER_BYTES_MAX"}) {
    EXPECT_NE(help.find(name), std::string::npos) << name;
  }
}

TEST(Config, CheckShowsWhatWasResolved) {
  const Result<ServerConfig> config = parse({"--model-repository=m", "--grpc-port=9"});
  ASSERT_TRUE(config.ok());
  const std::string text = describe(*config, {"/a.so", "/b.so"});
  EXPECT_NE(text.find("grpc-port = 9\n"), std::string::npos);
  EXPECT_NE(text.find("ort-library = /a.so\nort-library = /b.so\n"), std::string::npos);
}

TEST(Config, CompatibilityIsChosenByFlagOrEnvironment) {
  const Result<ServerConfig> flags =
      parse({"--model-repository=m", "--compat-server-name=triton", "--compat-server-version=2.0",
             "--http-max-input-size=1000", "--allow-client-shm=true"},
            {{"TRITON_SERVER_VERSION", "1.0"}});
  ASSERT_TRUE(flags.ok()) << flags.status().message();
  EXPECT_EQ(flags->server_name, "triton");
  EXPECT_EQ(flags->server_version, "2.0");
  EXPECT_EQ(flags->request_bytes_max, 1000U);
  EXPECT_TRUE(flags->allow_client_shm);
  EXPECT_EQ(parse({"--model-repository=m"}, {{"TRITON_SERVER_VERSION", "1.0"}})->server_version,
            "1.0");
  EXPECT_FALSE(parse({"--model-repository=m"})->allow_client_shm);
}

TEST(Config, OpenTelemetryHasTritonsNames) {
  const Result<ServerConfig> config =
      parse({"--model-repository=m", "--trace-config=mode=opentelemetry",
             "--trace-config=opentelemetry,url=http://h:1/t",
             "--trace-config=opentelemetry,resource=service.name=a",
             "--trace-config=opentelemetry,resource=service.name=b=c",
             "--trace-config=opentelemetry,bsp_max_queue_size=600",
             "--trace-config=opentelemetry,bsp_max_export_batch_size=60",
             "--trace-config=opentelemetry,bsp_schedule_delay=70"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  const TraceConfig& trace = config->operations.trace;
  EXPECT_EQ(trace.mode, TraceMode::opentelemetry);
  EXPECT_EQ(trace.otlp.url, "http://h:1/t");
  ASSERT_EQ(trace.otlp.resource.size(), 1U);
  EXPECT_EQ(trace.otlp.resource[0].second, "b=c");
  EXPECT_EQ(trace.otlp.queue_spans_max, 600U);
  EXPECT_EQ(trace.otlp.batch_spans_max, 60U);
  EXPECT_EQ(trace.otlp.delay, std::chrono::milliseconds(70));
}

TEST(Config, WhatASupervisorSaysComesFromTheEnvironmentAlone) {
  const auto config =
      parse({"--model-repository=m"}, {{"NOTIFY_SOCKET", "@x"}, {"WATCHDOG_USEC", "30000000"}});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->operations.supervisor.notify_socket, "@x");
  EXPECT_EQ(config->operations.supervisor.watchdog_us, 30'000'000U);
  ServerConfig file;
  EXPECT_FALSE(apply_config_text("notify-socket = \"x\"", file).ok());
  EXPECT_EQ(help_text().find("NOTIFY_SOCKET"), std::string::npos);
}

TEST(Config, TracingIsConfiguredPieceByPiece) {
  const Result<ServerConfig> config =
      parse({"--model-repository=m", "--trace-config", "triton,file=/x", "--trace-config=rate=7",
             "--trace-config=level=TIMESTAMPS", "--trace-config=count=-1",
             "--trace-config=log-frequency=5", "--trace-config=mode=triton"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  const TraceConfig& trace = config->operations.trace;
  EXPECT_EQ(trace.file, "/x");
  EXPECT_EQ(trace.settings.rate, 7U);
  EXPECT_TRUE(trace.settings.level.timestamps);
  EXPECT_FALSE(trace.settings.level.tensors);
  EXPECT_EQ(trace.settings.log_frequency, 5U);
  EXPECT_EQ(trace.mode, TraceMode::triton);
  for (const char* bad : {"level=LOUD", "rate=x", "count=-2", "mode=zipkin", "what=1", "",
                          "opentelemetry,url=localhost:4318", "opentelemetry,resource=x",
                          "opentelemetry,bsp_schedule_delay=0", "opentelemetry,what=1",
                          "opentelemetry,bsp_max_queue_size=100"}) {
    EXPECT_FALSE(parse({"--model-repository=m", "--trace-config", bad}).ok()) << bad;
  }
}

TEST(Config, MetricsFamiliesAreChosenOneByOne) {
  const Result<ServerConfig> config =
      parse({"--model-repository=m", "--metrics-config", "summary_latencies=true",
             "--metrics-config=counter_latencies=false",
             "--metrics-config=summary_quantiles=0.5:0.05,0.99:0.001"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_TRUE(config->metrics.summary_latencies);
  EXPECT_FALSE(config->metrics.counter_latencies);
  EXPECT_TRUE(config->metrics.histogram_latencies);
  EXPECT_EQ(config->metrics.summary_quantiles, (std::vector<double>{0.5, 0.99}));
  for (const char* bad : {"summary_latencies=yes", "summary_quantiles=2",
                          "summary_quantiles=", "latencies=true", "", "="}) {
    EXPECT_FALSE(parse({"--model-repository=m", "--metrics-config", bad}).ok()) << bad;
  }
}

}  // namespace
}  // namespace mlops
