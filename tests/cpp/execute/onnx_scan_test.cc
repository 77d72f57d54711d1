#include "execute/onnx_scan.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "support/ort_models.h"
#include "support/requests.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

namespace fs = std::filesystem;

OnnxScan scan(const std::string& name) {
  auto result = scan_onnx_file(tiny_model(name));
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return result.ok() ? *result : OnnxScan{};
}

TEST(OnnxScan, TellsMissingShapesFromScalars) {
  EXPECT_EQ(scan("scalar").shapeless, std::set<std::string>{});
  EXPECT_EQ(scan("no_shape").shapeless, (std::set<std::string>{"x", "y"}));
  EXPECT_EQ(scan("symbols").shapeless, std::set<std::string>{});
}

TEST(OnnxScan, FindsExternalFiles) {
  EXPECT_EQ(scan("matmul").external_files, std::set<std::string>{});
  EXPECT_EQ(scan("external").external_files, std::set<std::string>{"weights.bin"});
  EXPECT_EQ(scan("external_nested").external_files, std::set<std::string>{"weights.bin"});
}

TEST(OnnxScan, RefusesWhatIsNotARegularFile) {
  const TemporaryFolder folder;
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("loop", folder.path() / "loop");
  EXPECT_EQ(scan_onnx_file(pipe).status().code(), Code::invalid_argument);
  EXPECT_EQ(scan_onnx_file(folder.path()).status().code(), Code::invalid_argument);
  EXPECT_EQ(scan_onnx_file("/dev/zero").status().code(), Code::invalid_argument);
  EXPECT_EQ(scan_onnx_file(folder.path() / "loop").status().code(), Code::invalid_argument);
  EXPECT_EQ(scan_onnx_file(folder.file("empty", "")).status().code(), Code::invalid_argument);
  EXPECT_EQ(scan_onnx_file(folder.path() / "absent").status().code(), Code::not_found);
}

TEST(OnnxScan, EveryTruncationIsRefusedOrHarmless) {
  const TemporaryFolder folder;
  const std::string whole = read_file(tiny_model("external"));
  int refused = 0;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    refused += !scan_onnx_file(folder.file("cut.onnx", whole.substr(0, size))).ok();
  }
  EXPECT_GT(refused, static_cast<int>(whole.size()) * 9 / 10);
}

std::string varint(std::size_t value) {
  std::string out;
  for (; value > 0x7F; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

// graph.node.attribute.g, and again, and again.
std::string nested(int levels) {
  std::string data;
  for (int i = 0; i < levels; ++i) {
    for (const char tag : {'\x32', '\x2a', '\x0a'}) data = tag + varint(data.size()) + data;
  }
  return '\x3a' + varint(data.size()) + data;
}

TEST(OnnxScan, NestingIsBounded) {
  const TemporaryFolder folder;
  EXPECT_TRUE(scan_onnx_file(folder.file("few.onnx", nested(30))).ok());
  EXPECT_EQ(scan_onnx_file(folder.file("many.onnx", nested(5000))).status().code(),
            Code::invalid_argument);
}

TEST(OnnxScan, ReadsAcrossItsWindow) {
  const TemporaryFolder folder;
  // An unknown field of many sizes before the graph moves every later byte over the window's edge.
  const std::string graph = read_file(tiny_model("external"));
  for (std::size_t pad = 16384 - graph.size() - 8; pad < 16384 + 8; ++pad) {
    const std::string file = "\x12" + varint(pad) + std::string(pad, 'p') + graph;
    const auto result = scan_onnx_file(folder.file("padded.onnx", file));
    ASSERT_TRUE(result.ok()) << pad;
    ASSERT_EQ(result->external_files, std::set<std::string>{"weights.bin"}) << pad;
  }
}

class ExternalFiles : public OrtTest {
 protected:
  // Loads a copy of a tiny model that lies in models/m/1 of the folder.
  Status load_copy(const std::string& name) {
    fs::create_directories(version_);
    fs::copy_file(tiny_model(name), version_ / "model.onnx", fs::copy_options::overwrite_existing);
    return try_load(version_ / "model.onnx");
  }

  Status try_load(const std::string& path) {
    auto loaded = load_ort_backend(runtime_, path, {}, nullptr);
    if (!loaded.ok()) return loaded.status();
    OneLane lane = one_lane(std::move(loaded));
    if (Status s = lane.run({float_rows(1, 0)}); !s.ok()) return s;
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor), (std::vector<float>{1, 3, 5, 7}));
    return {};
  }

  TemporaryFolder folder_;
  fs::path version_ = folder_.path() / "models/m/1";
  const std::array<float, 4> weights_{1, 2, 3, 4};
  std::string bytes_{reinterpret_cast<const char*>(weights_.data()), sizeof(weights_)};
};

TEST_F(ExternalFiles, AreReadBesideTheModel) {
  folder_.file("models/m/1/weights.bin", bytes_);
  EXPECT_TRUE(load_copy("external").ok()) << load_copy("external").to_string();
}

TEST_F(ExternalFiles, AreNamedWhenMissing) {
  const Status status = load_copy("external");
  EXPECT_EQ(status.code(), Code::not_found);
  EXPECT_NE(status.message().find("weights.bin"), std::string::npos) << status.message();
}

TEST_F(ExternalFiles, MayNotBeShort) {
  folder_.file("models/m/1/weights.bin", bytes_.substr(0, 8));
  EXPECT_EQ(load_copy("external").code(), Code::invalid_argument);
}

TEST_F(ExternalFiles, MayNotLeaveTheFolder) {
  folder_.file("models/m/weights.bin", bytes_);
  folder_.file("models/m/1/a/b", "");
  folder_.file("models/m/1/*/_ORT_MEM_ADDR_/*", bytes_);
  for (const char* name : {"external_up", "external_absolute", "external_pointer"}) {
    EXPECT_EQ(load_copy(name).code(), Code::invalid_argument) << name;
  }
}

TEST_F(ExternalFiles, MayNotBeLinkedFromOutside) {
  folder_.file("secret", bytes_);
  fs::create_directories(version_);
  fs::create_symlink(folder_.path() / "secret", version_ / "weights.bin");
  EXPECT_EQ(load_copy("external").code(), Code::invalid_argument);
  fs::remove(version_ / "weights.bin");
  fs::create_directory(version_ / "weights.bin");
  EXPECT_EQ(load_copy("external").code(), Code::invalid_argument);
}

TEST_F(ExternalFiles, MayLieBesideTheFileThatTheModelLinksTo) {
  folder_.file("cache/weights.bin", bytes_);
  fs::copy_file(tiny_model("external"), folder_.path() / "cache/model.onnx");
  fs::create_directories(version_);
  fs::create_symlink(folder_.path() / "cache/model.onnx", version_ / "model.onnx");
  fs::create_symlink(folder_.path() / "cache/weights.bin", version_ / "weights.bin");
  const Status status = try_load(version_ / "model.onnx");
  EXPECT_TRUE(status.ok()) << status.to_string();
}

}  // namespace
}  // namespace mlops::testing
