#pragma once
// An engine with one gated or echoing model, as most engine tests need it.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/engine.h"
#include "execute/echo_backend.h"
#include "support/gate_backend.h"
#include "support/recording_call.h"

namespace mlops::testing {

struct LoadedEngine {
  explicit LoadedEngine(EngineOptions options = {}) {
    auto created = Engine::create(std::move(options), log);
    EXPECT_TRUE(created.ok()) << created.status().to_string();
    engine = *std::move(created);
  }

  void load_echo(const std::string& name, Signature signature, std::int64_t version = 1) {
    auto backend = make_echo_backend(std::move(signature));
    ASSERT_TRUE(backend.ok()) << backend.status().to_string();
    const Status loaded = engine->load(source(name, version), *std::move(backend));
    ASSERT_TRUE(loaded.ok()) << loaded.to_string();
  }

  // The gate is open during loading, so that the probe passes, and forgets the probe's runs.
  std::shared_ptr<Gate> load_gated(const ModelSource& from,
                                   Signature signature = echo_signature()) {
    auto gate = std::make_shared<Gate>();
    const Status loaded =
        engine->load(from, std::make_unique<GateBackend>(gate, std::move(signature)));
    EXPECT_TRUE(loaded.ok()) << loaded.to_string();
    gate->forget();
    return gate;
  }

  static ModelSource source(const std::string& name, std::int64_t version = 1, unsigned lanes = 0) {
    ModelSource made;
    made.name = name;
    made.version = version;
    made.lanes = lanes;
    return made;
  }

  NullLog log;
  std::unique_ptr<Engine> engine;
};

inline Ref<RecordingCall> call_for(Request request) {
  return make_ref<RecordingCall>(std::move(request));
}

}  // namespace mlops::testing
