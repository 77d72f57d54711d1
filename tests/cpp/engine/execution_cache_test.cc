#include "engine/execution_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

namespace fs = std::filesystem;

const ExecutionVerdict kVerdict{ExecutionVerdict::By::openvino_bf16, 8, "3 times as fast"};

TEST(ExecutionVerdictText, IsReadAsItWasWritten) {
  for (const auto by : {ExecutionVerdict::By::onnxruntime, ExecutionVerdict::By::openvino,
                        ExecutionVerdict::By::openvino_bf16}) {
    const ExecutionVerdict verdict{by, 32, "because: of \"this\"", 4096};
    EXPECT_EQ(parse_verdict(verdict_text("key", verdict), "key"), verdict);
  }
  const ExecutionVerdict lines{ExecutionVerdict::By::openvino, 1, "two\nlines"};
  EXPECT_EQ(parse_verdict(verdict_text("f", lines), "f")->reason, "two lines");
}

TEST(ExecutionVerdictText, ForAnotherKeyIsNone) {
  EXPECT_FALSE(parse_verdict(verdict_text("key", kVerdict), "others"));
  EXPECT_FALSE(parse_verdict("", "key"));
  EXPECT_FALSE(parse_verdict(std::string(1 << 20, 'x'), "key"));
}

// Cut short anywhere, or changed in any byte: measured again, never believed.
TEST(ExecutionVerdictText, ADamagedOneIsNone) {
  const std::string text = verdict_text("key", kVerdict);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_verdict(text.substr(0, i), "key")) << i;
    for (const char change : {'\x01', '\x20', '\x7f'}) {
      std::string other = text;
      other[i] = static_cast<char>(other[i] ^ change);
      EXPECT_FALSE(parse_verdict(other, "key")) << i;
    }
  }
  EXPECT_FALSE(parse_verdict(text + text, "key"));
  EXPECT_FALSE(parse_verdict(text + "x", "key"));
}

TEST(ExecutionCache, FindsWhatWasKept) {
  const TemporaryFolder folder;
  const std::string directory = folder.path() / "a";
  const ExecutionCache cache(directory);
  EXPECT_FALSE(cache.find("key"));
  cache.keep("key", kVerdict);
  EXPECT_EQ(cache.find("key"), kVerdict);
  EXPECT_FALSE(cache.find("other"));
  const ExecutionVerdict later{ExecutionVerdict::By::onnxruntime, 1, "slower"};
  cache.keep("key", later);
  EXPECT_EQ(ExecutionCache(directory).find("key"), later);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory + "/execution"), {}), 1)
      << "nothing is left aside";
}

TEST(ExecutionCache, WithoutAFolderThatCanBeWrittenNothingFails) {
  const TemporaryFolder folder;
  const std::string file = folder.file("file", "text");
  for (const std::string& where : {std::string(), file, file + "/below", std::string("/proc/no")}) {
    const ExecutionCache cache(where);
    cache.keep("key", kVerdict);
    EXPECT_FALSE(cache.find("key")) << where;
  }
}

TEST(ExecutionCache, ManyWritersLeaveOneWholeFile) {
  const TemporaryFolder folder;
  const ExecutionCache cache(folder.path());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        cache.keep("key", kVerdict);
        EXPECT_EQ(cache.find("key"), kVerdict);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path() / "execution"), {}), 1);
}

TEST(ExecutionKey, ChangesWithEverythingThatAVerdictDependsOn) {
  const TemporaryFolder folder;
  const std::string model = folder.file("model.onnx", "weights");
  const std::string other = folder.file("other.onnx", "weightS");
  const auto key = [](const std::vector<std::string>& files, const ExecutionWish& wish,
                      const std::vector<std::string>& versions) {
    return execution_key(files, wish, versions).value();
  };
  const ExecutionWish wish;
  const std::string first = key({model}, wish, {"a 1"});
  EXPECT_EQ(first, key({model}, wish, {"a 1"}));
  EXPECT_NE(first, key({other}, wish, {"a 1"}));
  EXPECT_NE(first, key({model, other}, wish, {"a 1"}));
  EXPECT_NE(first, key({model}, wish, {"a 2"}));
  EXPECT_NE(first, key({model}, wish, {"a", " 1"}));
  ExecutionWish changed = wish;
  changed.execution = Execution::openvino;
  EXPECT_NE(first, key({model}, changed, {"a 1"}));
  changed = wish;
  changed.precision = Precision::automatic;
  EXPECT_NE(first, key({model}, changed, {"a 1"}));
  changed = wish;
  changed.accuracy_gate = 0.5;
  EXPECT_NE(first, key({model}, changed, {"a 1"}));
  EXPECT_FALSE(execution_key({model, "/no/such/file"}, wish, {"a 1"}).ok());
}

}  // namespace
}  // namespace mlops::testing
