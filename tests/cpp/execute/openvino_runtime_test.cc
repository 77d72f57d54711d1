#include "execute/openvino_runtime.h"

#include <gtest/gtest.h>

#include "execute/openvino_backend.h"
#include "support/ort_models.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

TEST(OpenvinoLibrary, IsLookedForBesideTheWheelOfOnnxRuntime) {
  const TemporaryFolder packages;
  const std::string older = packages.file("openvino/libs/libopenvino_c.so.2600");
  const std::string newer = packages.file("openvino/libs/libopenvino_c.so.2640");
  packages.file("openvino/libs/libopenvino.so.2640");
  const std::string ort = packages.file("onnxruntime/capi/libonnxruntime.so.1.32.0");
  const std::string providers = packages.file("onnxruntime/capi/libonnxruntime.so.1");
  EXPECT_EQ(openvino_library_candidates({ort, providers, "libonnxruntime.so.1"}),
            (std::vector<std::string>{newer, older}));
  EXPECT_TRUE(openvino_library_candidates({"libonnxruntime.so.1", "/no/such/capi/lib.so"}).empty());
}

TEST(OpenvinoVersion, IsReadFromTheBuild) {
  EXPECT_TRUE(is_openvino_new_enough("2026.0.0-1-a"));
  EXPECT_TRUE(is_openvino_new_enough("2031.4.1"));
  for (const char* other : {"2025.4.1-1-a", "", "2026", "custom_2026.4", "20264", ".2026"}) {
    EXPECT_FALSE(is_openvino_new_enough(other)) << other;
  }
}

TEST(OpenvinoRuntimeOpen, NamesEverythingThatWasTriedAndWhy) {
  const Status status =
      OpenvinoRuntime::open({"/no/such/lib.so", "libm.so.6", MLOPS_OPENVINO_OLD}).status();
  EXPECT_EQ(status.code(), Code::not_found);
  for (const char* part :
       {"2026.0 or newer", "/no/such/lib.so: ", "No such file", "libm.so.6: not OpenVINO",
        "it has no ov_get_openvino_version", "version 2025.4.1-1-a is too old"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }
  EXPECT_FALSE(OpenvinoRuntime::open({}).ok());
}

class OpenvinoFailing : public OrtTest {};

TEST_F(OpenvinoFailing, AModelThatDoesNotCompileIsRefusedWithTheReason) {
  const auto runtime = OpenvinoRuntime::open({"/no/such/lib.so", MLOPS_OPENVINO_FAILING});
  ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
  EXPECT_EQ((*runtime)->library_path(), MLOPS_OPENVINO_FAILING);
  EXPECT_FALSE((*runtime)->has_bf16());
  const auto reference = load("matmul");
  ASSERT_TRUE(reference.ok());
  const Status refused =
      load_openvino_backend(*runtime, tiny_model("matmul"), **reference, {}, nullptr).status();
  EXPECT_EQ(refused.code(), Code::unimplemented);
  EXPECT_EQ(refused.message(), "OpenVINO cannot compile it: no kernel for this");
  const auto again = OpenvinoRuntime::open({MLOPS_OPENVINO_FAILING});
  EXPECT_EQ(*again, *runtime) << "one per library and process";
}

}  // namespace
}  // namespace mlops::testing
