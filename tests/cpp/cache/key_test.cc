#include "cache/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <random>

#include "support/requests.h"

namespace mlops {
namespace {

using testing::dense;
using testing::strings;

Request two_inputs() {
  Request request;
  request.model = "m";
  request.inputs.push_back({"a", dense<float>(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6})});
  request.inputs.push_back({"b", strings({2}, {"x", "yz"})});
  request.outputs = {"p", "q"};
  request.parameters = {{"temperature", 0.5}};
  return request;
}

// A few hundred bytes that no block of the hash holds whole.
Request large() {
  Request request = two_inputs();
  request.inputs.push_back({"c", dense<float>(DType::f32, {100}, std::vector<float>(100, 1))});
  request.inputs.push_back({"d", dense<float>(DType::f32, {100}, std::vector<float>(100, 1))});
  request.inputs.push_back({"e", dense<float>(DType::f32, {500}, std::vector<float>(500, 1))});
  return request;
}

void flip(Tensor& tensor, std::size_t byte) { writable(tensor.owner)[byte] ^= std::byte{1}; }

struct Edit {
  const char* what;
  std::function<void(Request&)> apply;
};

const std::vector<Edit> kEdits = {
    {"shape",
     [](Request& r) {
       r.inputs[0].tensor.shape = Shape{3, 2};
     }},
    {"rank", [](Request& r) { r.inputs[0].tensor.shape = Shape{6}; }},
    {"an axis of one",
     [](Request& r) {
       r.inputs[0].tensor.shape = Shape{2, 3, 1};
     }},
    {"dtype", [](Request& r) { r.inputs[0].tensor.dtype = DType::i32; }},
    {"first byte", [](Request& r) { flip(r.inputs[0].tensor, 0); }},
    {"last byte", [](Request& r) { flip(r.inputs[0].tensor, 23); }},
    {"sign of zero",
     [](Request& r) {
       r.inputs[0].tensor = dense<float>(DType::f32, {2, 3}, {1, 2, 3, 4, 5, -0.0F});
     }},
    {"zero",
     [](Request& r) {
       r.inputs[0].tensor = dense<float>(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 0.0F});
     }},
    {"where strings part",
     [](Request& r) {
       r.inputs[1].tensor = strings({2}, {"xy", "z"});
     }},
    {"an empty string",
     [](Request& r) {
       r.inputs[1].tensor = strings({2}, {"xyz", ""});
     }},
    {"input name", [](Request& r) { r.inputs[0].name = "A"; }},
    {"names swapped", [](Request& r) { std::swap(r.inputs[0].tensor, r.inputs[1].tensor); }},
    {"an input less", [](Request& r) { r.inputs.pop_back(); }},
    {"no outputs", [](Request& r) { r.outputs.clear(); }},
    {"an output less", [](Request& r) { r.outputs.pop_back(); }},
    {"output order", [](Request& r) { std::swap(r.outputs[0], r.outputs[1]); }},
    {"one output of two names", [](Request& r) { r.outputs = {"pq"}; }},
    {"parameter value", [](Request& r) { r.parameters[0].value = 0.25; }},
    {"parameter type", [](Request& r) { r.parameters[0].value = std::int64_t{0}; }},
    {"parameter of the same bits",
     [](Request& r) { r.parameters[0].value = std::bit_cast<std::int64_t>(0.5); }},
    {"parameter name", [](Request& r) { r.parameters[0].name = "temperaturf"; }},
    {"no parameters", [](Request& r) { r.parameters.clear(); }},
    {"a parameter more",
     [](Request& r) {
       r.parameters.push_back({"zeta", true});
     }},
};

TEST(CacheKey, ChangesWhenAnyFieldChanges) {
  const KeyMaker maker(1);
  const CacheKey scope = maker.scope({"m", 1, "digest", 0});
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> seen;
  std::map<KeyProof, std::string> proofs;
  const auto add = [&](const Request& request, const std::string& what) {
    const CacheKey key = maker.key(scope, request);
    const auto [known, fresh] = seen.emplace(std::pair(key.low, key.high), what);
    EXPECT_TRUE(fresh) << what << " and " << known->second << " share a key";
    const auto [proof, new_proof] = proofs.emplace(*key_proof(request, {}, 1 << 20), what);
    EXPECT_TRUE(new_proof) << what << " and " << proof->second << " share a proof";
  };
  add(two_inputs(), "nothing");
  for (const Edit& edit : kEdits) {
    Request request = two_inputs();
    edit.apply(request);
    add(request, edit.what);
  }
  add(large(), "large");
  for (std::size_t input = 2; input < 5; ++input) {
    const std::size_t size = large().inputs[input].tensor.bytes.size();
    for (const std::size_t byte : {std::size_t{0}, size / 2, size - 1}) {
      Request request = large();
      flip(request.inputs[input].tensor, byte);
      add(request, "large " + std::to_string(input) + "/" + std::to_string(byte));
    }
  }
}

TEST(CacheKey, IsThatOfTheScopeAndTheTenant) {
  const KeyMaker maker(1);
  const Request request = two_inputs();
  const ScopeFields base{"m", 1, "digest", 0};
  const CacheKey key = maker.key(maker.scope(base), request);
  EXPECT_EQ(maker.key(maker.scope(base), request), key);
  for (const ScopeFields& other :
       {ScopeFields{"n", 1, "digest", 0}, ScopeFields{"m", 2, "digest", 0},
        ScopeFields{"m", 1, "digesu", 0}, ScopeFields{"m", 1, "digest", 1},
        ScopeFields{"md", 1, "igest", 0}}) {
    EXPECT_FALSE(maker.key(maker.scope(other), request) == key);
  }
  EXPECT_FALSE(maker.key(maker.scope(base), request, {"alice", {}}) == key);
  EXPECT_FALSE(maker.key(maker.scope(base), request, {"alice", {}}) ==
               maker.key(maker.scope(base), request, {"bob", {}}));
  const KeyMaker other_process;
  EXPECT_FALSE(other_process.key(other_process.scope(base), request) == key);
}

TEST(CacheKey, TakesInputsAndParametersInAnyOrder) {
  const KeyMaker maker(1);
  const CacheKey scope = maker.scope({"m", 1, "", 0});
  Request request = two_inputs();
  request.parameters.push_back({"alpha", std::string("x")});
  const CacheKey key = maker.key(scope, request);
  std::swap(request.inputs[0], request.inputs[1]);
  std::swap(request.parameters[0], request.parameters[1]);
  EXPECT_EQ(maker.key(scope, request), key);
}

TEST(CacheKey, LeavesOutHowARequestIsTreated) {
  const KeyMaker maker(1);
  const CacheKey scope = maker.scope({"m", 1, "", 0});
  Request request = two_inputs();
  const CacheKey key = maker.key(scope, request);
  request.id = "7";
  request.deadline = TimePoint();
  request.timeout_us = 5;
  request.parameters.push_back({"priority", std::uint64_t{1}});
  request.parameters.push_back({"timeout", std::uint64_t{1}});
  EXPECT_EQ(maker.key(scope, request), key);
}

TEST(CacheKey, OfARowIsTheSameWhereverTheRowIs) {
  const KeyMaker maker(1);
  const CacheKey scope = maker.scope({"m", 1, "", 0});
  const auto rows = [](std::int64_t count, std::vector<float> values) {
    return testing::request_for("m", dense<float>(DType::f32, {count, 2}, values));
  };
  const auto key_of = [&](const Request& request, std::size_t row) {
    return maker.row_key(maker.rows_scope(scope, request), request, *RequestRows::cut(request),
                         row);
  };
  const Request three = rows(3, {1, 2, 3, 4, 1, 2});
  const Request alone = rows(1, {1, 2});
  EXPECT_EQ(key_of(three, 0), key_of(alone, 0));
  EXPECT_EQ(key_of(three, 0), key_of(three, 2));
  EXPECT_FALSE(key_of(three, 1) == key_of(alone, 0));
  EXPECT_FALSE(key_of(alone, 0) == maker.key(scope, alone));
  const auto proof_of = [](const Request& request, std::size_t row) {
    return *row_proof(request, *RequestRows::cut(request), row, {}, 4096);
  };
  EXPECT_EQ(proof_of(three, 0), proof_of(alone, 0));
  EXPECT_NE(proof_of(three, 1), proof_of(alone, 0));
  Request others = alone;
  others.outputs = {"out"};
  EXPECT_FALSE(key_of(others, 0) == key_of(alone, 0));
  const std::vector<CacheKey> keys = {key_of(three, 0), key_of(three, 1)};
  EXPECT_FALSE(maker.key_of_rows(scope, keys) ==
               maker.key_of_rows(scope, std::span(keys).first(1)));
}

TEST(CacheKey, NoTwoOfManyRandomRequestsShareOne) {
  const KeyMaker maker(2);
  const CacheKey scope = maker.scope({"m", 1, "", 0});
  std::mt19937_64 random(5);
  std::map<KeyProof, CacheKey> by_request;
  std::map<std::pair<std::uint64_t, std::uint64_t>, KeyProof> by_key;
  const std::array<std::string_view, 3> names = {"a", "b", "ab"};
  for (int i = 0; i < 3000; ++i) {
    Request request;
    for (std::size_t n = random() % 3; n-- > 0;) {
      std::vector<std::uint8_t> bytes(random() % 4);
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 2);
      const auto size = static_cast<std::int64_t>(bytes.size());
      request.inputs.push_back({names[random() % 3], dense(DType::u8, Shape{size}, bytes)});
    }
    for (std::size_t n = random() % 3; n-- > 0;) request.outputs.push_back(names[random() % 3]);
    const KeyProof proof = *key_proof(request, {}, 4096);
    const CacheKey key = maker.key(scope, request);
    if (const auto known = by_request.find(proof); known != by_request.end()) {
      EXPECT_EQ(known->second, key);
    }
    by_request.emplace(proof, key);
    const auto [same, fresh] = by_key.emplace(std::pair(key.low, key.high), proof);
    EXPECT_TRUE(fresh || same->second == proof);
  }
  EXPECT_GT(by_request.size(), 300U);
}

TEST(CacheKey, AProofIsBounded) {
  const Request request = two_inputs();
  const std::size_t size = key_proof(request, {"t", {}}, 4096)->size();
  EXPECT_TRUE(key_proof(request, {"t", {}}, size));
  EXPECT_FALSE(key_proof(request, {"t", {}}, size - 1));
}

}  // namespace
}  // namespace mlops
