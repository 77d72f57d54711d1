#include "execute/ort_runtime.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "execute/ort_log.h"
#include "support/ort_models.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

namespace fs = std::filesystem;

TEST(OrtLibrary, LooksBesideTheExecutableThenAsksTheLoader) {
  const TemporaryFolder prefix;
  const std::string old_python =
      prefix.file("lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.16.3");
  const std::string new_python =
      prefix.file("lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0");
  const std::string debian =
      prefix.file("lib/python3.12/dist-packages/onnxruntime/capi/libonnxruntime.so.1.20.0");
  prefix.file("lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime_providers_shared.so");
  prefix.file("bin/mlops-server");
  EXPECT_EQ(ort_library_candidates(prefix.path() / "bin"),
            (std::vector<std::string>{new_python, debian, old_python, "libonnxruntime.so.1",
                                      "libonnxruntime.so"}));
}

TEST(OrtLibrary, LooksBesideAPackage) {
  const TemporaryFolder packages;
  const std::string library = packages.file("onnxruntime/capi/libonnxruntime.so.1.32.0");
  packages.file("mlops_engine/_core.so");
  EXPECT_EQ(ort_library_candidates(packages.path() / "mlops_engine").front(), library);
  EXPECT_EQ(ort_library_candidates("").size(), 2U);
  EXPECT_EQ(ort_library_candidates("/no/such/folder").size(), 2U);
}

TEST(OrtRuntimeOpen, NamesEverythingThatWasTriedAndWhy) {
  const TemporaryFolder folder;
  NullLog log;
  const std::string text = folder.file("libonnxruntime.so.1", "not a library");
  const Status status = OrtRuntime::open({"/no/such/lib.so", text, "libm.so.6"}, log).status();
  EXPECT_EQ(status.code(), Code::not_found);
  for (const char* part : {"1.15 or newer", "/no/such/lib.so: ", "No such file", text.c_str(),
                           "libm.so.6: not ONNX Runtime"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }
}

class OrtRuntimeOpened : public OrtTest {};

TEST_F(OrtRuntimeOpened, SaysWhichLibraryItIs) {
  EXPECT_TRUE(fs::exists(runtime_->library_path())) << runtime_->library_path();
  EXPECT_GE(std::stoi(runtime_->version().substr(2)), 15) << runtime_->version();
}

TEST_F(OrtRuntimeOpened, FallsBackToTheNextCandidate) {
  auto candidates = ort_test_libraries();
  candidates.insert(candidates.begin(), "/no/such/lib.so");
  RecordingLog log;
  auto again = OrtRuntime::open(candidates, log);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ((*again)->library_path(), runtime_->library_path());
  EXPECT_EQ((*again)->environment(), runtime_->environment()) << "one per process and library";
}

// A weight that nothing uses makes ONNX Runtime warn at load.
TEST_F(OrtRuntimeOpened, WarningsReachTheSinkWithTheNameOfTheModel) {
  ASSERT_TRUE(load("unused_weight").ok());
  ASSERT_FALSE(log_.lines().empty());
  EXPECT_NE(log_.lines()[0].find("unused_weight.onnx"), std::string::npos) << log_.lines()[0];
}

TEST_F(OrtRuntimeOpened, ASinkIsLeftAloneAfterItsRuntime) {
  {
    RecordingLog gone;
    auto other = *OrtRuntime::open(ort_test_libraries(), gone);
    ASSERT_TRUE(load("unused_weight").ok());
    EXPECT_FALSE(gone.lines().empty()) << "the library has one log for all";
  }
  const std::size_t before = log_.lines().size();
  ASSERT_TRUE(load("unused_weight").ok());  // `gone` is freed memory: ASan would tell
  EXPECT_GT(log_.lines().size(), before);
}

TEST(OrtLog, OneSinkSubscribedTwiceHearsOnce) {
  OrtLogFanOut fan_out;
  RecordingLog log;
  fan_out.add(log);
  fan_out.add(log);
  OrtLogFanOut::receive(&fan_out, ORT_LOGGING_LEVEL_ERROR, "", "model", "", "text");
  fan_out.remove(log);
  OrtLogFanOut::receive(&fan_out, ORT_LOGGING_LEVEL_ERROR, nullptr, nullptr, nullptr, "more");
  fan_out.remove(log);
  OrtLogFanOut::receive(&fan_out, ORT_LOGGING_LEVEL_ERROR, "", "", "", "lost");
  OrtLogFanOut::receive(&fan_out, ORT_LOGGING_LEVEL_ERROR, "", "", "", nullptr);
  EXPECT_EQ(log.lines(),
            (std::vector<std::string>{"onnxruntime (model): text", "onnxruntime (): more"}));
}

}  // namespace
}  // namespace mlops::testing
