#include "execute/ort_saved_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "support/ort_models.h"
#include "support/requests.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

namespace fs = std::filesystem;

class OrtSavedGraph : public OrtTest {
 protected:
  void SetUp() override {
    OrtTest::SetUp();
    graphs_ = std::move(GraphCache::open(folder_.path(), 100 << 20)).value();
  }

  Result<std::unique_ptr<Backend>> load_kept(const std::string& path) {
    return load_ort_backend(runtime_, path, {}, &copies_, graphs_.get());
  }

  std::vector<fs::path> entries() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "graphs")) {
      found.push_back(entry.path());
    }
    return found;
  }

  Result<std::string> key(const std::string& path, const OrtOptions& options = {}) {
    return saved_graph_key(*runtime_, path, *scan_onnx_file(path), options);
  }

  TemporaryFolder folder_;
  std::unique_ptr<GraphCache> graphs_;
};

std::vector<float> waves(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 17) * 0.37F - 3;
  return values;
}

std::vector<std::uint8_t> answer(OneLane lane, std::int64_t rows, std::int64_t columns) {
  const auto values = waves(static_cast<std::size_t>(rows * columns));
  const Status status = lane.run({dense(DType::f32, Shape{rows, columns}, values)});
  EXPECT_TRUE(status.ok()) << status.to_string();
  return values_of<std::uint8_t>(lane.slots[0].tensor);
}

// Regions of this process that are a view of a file of this name.
std::vector<std::string> mappings_of(std::string_view name) {
  std::vector<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) != std::string::npos) found.push_back(line);
  }
  return found;
}

TEST_F(OrtSavedGraph, AnswersAreThoseOfTheModelItself) {
  for (const auto& [name, columns] : {std::pair("folded_weights", 64), std::pair("matmul", 4)}) {
    const std::string path = tiny_model(name);
    for (const std::int64_t rows : {1, 5}) {
      const auto expected = answer(one_lane(load(name)), rows, columns);
      EXPECT_EQ(answer(one_lane(load_kept(path)), rows, columns), expected) << "saved just now";
      EXPECT_EQ(answer(one_lane(load_kept(path)), rows, columns), expected) << "saved before";
    }
  }
  EXPECT_EQ(entries().size(), 2U);
  EXPECT_TRUE(log_.lines().empty()) << log_.lines()[0];
}

TEST_F(OrtSavedGraph, EveryModelKeepsItsSignatureOrItsRefusal) {
  for (const auto& file : fs::directory_iterator(MLOPS_TEST_MODELS)) {
    if (file.path().extension() != ".onnx" || file.path().stem() == "endless") continue;
    const auto plain = load(file.path().stem());
    for (int start = 0; start < 2; ++start) {
      const auto kept = load_kept(file.path());
      ASSERT_EQ(kept.status().to_string(), plain.status().to_string()) << file.path();
      if (!plain.ok()) continue;
      const Signature& expected = (*plain)->signature();
      const Signature& found = (*kept)->signature();
      ASSERT_EQ(found.inputs.size(), expected.inputs.size()) << file.path();
      ASSERT_EQ(found.outputs.size(), expected.outputs.size()) << file.path();
      const auto same = [&](const TensorSpec& a, const TensorSpec& b) {
        EXPECT_EQ(a.name, b.name) << file.path();
        EXPECT_EQ(a.dtype, b.dtype) << file.path();
        EXPECT_EQ(a.dims, b.dims) << file.path() << " " << a.name;
        EXPECT_EQ(a.rank_known, b.rank_known) << file.path() << " " << a.name;
        return true;
      };
      std::ranges::equal(found.inputs, expected.inputs, same);
      std::ranges::equal(found.outputs, expected.outputs, same);
    }
  }
}

TEST_F(OrtSavedGraph, WeightsAreAViewOfTheFileHoweverManyLanes) {
  const std::string path = tiny_model("folded_weights");
  ASSERT_TRUE(load_kept(path).ok());
  EXPECT_TRUE(mappings_of("weights.bin").empty());
  const auto backend = std::move(load_kept(path)).value();
  const std::vector<std::string> one = mappings_of("weights.bin");
  if (std::stoi(runtime_->version().substr(2)) < 20) GTEST_SKIP() << "mapped since 1.20";
  ASSERT_FALSE(one.empty());
  std::vector<std::unique_ptr<Executor>> lanes;
  for (int lane = 0; lane < 4; ++lane) {
    lanes.push_back(std::move(backend->make_executor()).value());
  }
  EXPECT_EQ(mappings_of("weights.bin"), one);
}

TEST_F(OrtSavedGraph, OneThatWasChangedIsMadeAnew) {
  const std::string path = tiny_model("folded_weights");
  const auto expected = answer(one_lane(load("folded_weights")), 2, 64);
  ASSERT_TRUE(load_kept(path).ok());
  const fs::path weights = entries().at(0) / "weights.bin";
  const std::string whole = read_file(weights);
  std::ofstream(weights, std::ios::binary) << std::string(whole.size(), 'x');
  EXPECT_EQ(answer(one_lane(load_kept(path)), 2, 64), expected);
  ASSERT_EQ(log_.lines().size(), 1U);
  EXPECT_NE(log_.lines()[0].find("made anew"), std::string::npos) << log_.lines()[0];
  EXPECT_EQ(read_file(weights), whole);
  EXPECT_EQ(answer(one_lane(load_kept(path)), 2, 64), expected);
  EXPECT_EQ(log_.lines().size(), 1U);
}

// The digests hold, the library refuses it all the same.
TEST_F(OrtSavedGraph, OneThatDoesNotLoadIsMadeAnew) {
  const std::string path = tiny_model("folded_weights");
  {
    auto draft = graphs_->begin(*key(path), 0);
    std::ofstream(draft->model_path(), std::ios::binary) << "no graph";
    ASSERT_TRUE(graphs_->publish(*key(path), *std::move(draft)).ok());
  }
  const auto expected = answer(one_lane(load("folded_weights")), 2, 64);
  EXPECT_EQ(answer(one_lane(load_kept(path)), 2, 64), expected);
  EXPECT_EQ(answer(one_lane(load_kept(path)), 2, 64), expected);
  EXPECT_TRUE(fs::exists(entries().at(0) / "weights.bin"));
}

TEST_F(OrtSavedGraph, WithoutRoomTheModelIsLoadedFromItsFile) {
  graphs_ = std::move(GraphCache::open(folder_.path(), 100)).value();
  const auto expected = answer(one_lane(load("folded_weights")), 2, 64);
  EXPECT_EQ(answer(one_lane(load_kept(tiny_model("folded_weights"))), 2, 64), expected);
  EXPECT_TRUE(entries().empty());
}

TEST_F(OrtSavedGraph, TheKeyIsOfContentAndOptionsNotOfNames) {
  const std::string original = tiny_model("matmul");
  const std::string copy = folder_.file("copy.onnx", read_file(original));
  EXPECT_EQ(*key(copy), *key(original));
  std::set<std::string> keys = {*key(original)};
  OrtOptions options;
  options.graph_optimization_level = 1;
  keys.insert(*key(original, options));
  keys.insert(*key(tiny_model("folded_weights")));
  EXPECT_EQ(keys.size(), 3U);
}

TEST_F(OrtSavedGraph, TheKeyIsOfExternalFilesToo) {
  const std::string path = folder_.file("model.onnx", read_file(tiny_model("external")));
  folder_.file("weights.bin", std::string(16, 'a'));
  const std::string before = *key(path);
  folder_.file("weights.bin", std::string(16, 'b'));
  EXPECT_NE(*key(path), before);
  fs::remove(folder_.path() / "weights.bin");
  EXPECT_EQ(key(path).status().code(), Code::not_found);
}

}  // namespace
}  // namespace mlops::testing
