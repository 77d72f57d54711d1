#include "shm/shared_regions.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <limits>
#include <string>

namespace mlops {
namespace {

// An object of /dev/shm, gone at the end of the test.
class Object {
 public:
  explicit Object(const std::string& bytes)
      : key("/mlops_test_" + std::to_string(::getpid()) + "_" + std::to_string(next_++)),
        fd(::shm_open(key.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)) {
    EXPECT_TRUE(fd);
    EXPECT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  ~Object() { ::shm_unlink(key.c_str()); }
  void truncate(std::size_t size) { EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0); }
  std::string bytes(std::size_t size) {
    std::string read(size, '\0');
    const ssize_t got = ::pread(fd.get(), read.data(), size, 0);
    read.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return read;
  }

  std::string key;
  Fd fd;

 private:
  static inline int next_ = 0;
};

class SharedRegionsTest : public ::testing::Test {
 protected:
  std::string read(const SharedPlace& place) {
    const Result<Buffer> bytes = regions.read(place, in_use);
    if (!bytes.ok()) return bytes.status().message();
    return {reinterpret_cast<const char*>((*bytes)->data()), (*bytes)->size()};
  }
  std::string refusal(const SharedRegion& region) { return regions.add(region).message(); }

  SlabPool pool{std::size_t{1} << 20};
  CopyMeter copies;
  SharedRegions regions{pool, copies};
  Buffer in_use;
};

TEST_F(SharedRegionsTest, ReadsWritesAndLists) {
  Object object("0123456789");
  ASSERT_TRUE(regions.add({"r", object.key, 2, 8}).ok());
  EXPECT_EQ(read({"r", 0, 3}), "234");
  EXPECT_EQ(read({"r", 3, 5}), "56789");
  const auto output = regions.output({"r", 1, 4});
  ASSERT_TRUE(output.ok());
  EXPECT_TRUE((*output)->write(std::as_bytes(std::span("ab", 2))).ok());
  EXPECT_EQ(object.bytes(10), "012ab56789");
  const auto listed = regions.status("");
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().key, object.key);
  EXPECT_EQ(listed->front().byte_size, 8U);
  EXPECT_EQ(copies.total(CopySite::shared_memory), 8U);
}

TEST_F(SharedRegionsTest, KeysStayInTheirFolder) {
  Object object("x");
  EXPECT_TRUE(regions.add({"slashes", "//" + object.key, 0, 1}).ok());
  const std::string bad = "cannot register shared memory region 'r' - invalid shm key '";
  for (const std::string key :
       {"", "/", "///", "/..", "../etc/passwd", "/a/../../etc/passwd", "."}) {
    EXPECT_EQ(refusal({"r", key, 0, 1}), bad + key + "'");
  }
  EXPECT_EQ(refusal({"r", std::string("a\0b", 3), 0, 1}), bad + std::string("a\0b", 3) + "'");
  EXPECT_FALSE(regions.add({"r", std::string(256, 'k'), 0, 1}).ok());
  EXPECT_EQ(
      refusal({"r", "/triton_python_backend_shm_region_1", 0, 1}),
      "cannot register shared memory region 'r' with key '/triton_python_backend_shm_region_1' "
      "as the key contains the reserved prefix 'triton_python_backend_shm_region_'");
  EXPECT_EQ(refusal({"r", "/mlops_no_such_object", 0, 1}),
            "Unable to open shared memory region: '/mlops_no_such_object'");
  EXPECT_EQ(refusal({"", object.key, 0, 1}),
            "'region name' is necessary to register system shared memory region");
}

TEST_F(SharedRegionsTest, WhatDoesNotFitTheObjectIsRefused) {
  Object object("0123456789");
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const std::string text = "failed to register shared memory region 'r': invalid args";
  for (const auto& [offset, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 11}, {10, 1}, {0, 0}, {kMost, 1}, {1, kMost}, {kMost - 4, 8}, {1, kMost / 2}}) {
    EXPECT_EQ(refusal({"r", object.key, offset, size}), text) << offset << " " << size;
  }
  ASSERT_TRUE(regions.add({"r", object.key, 0, 10}).ok());
  EXPECT_EQ(refusal({"r", object.key, 0, 10}), "shared memory region 'r' already in manager");
  EXPECT_EQ(regions.add({"r", object.key, 0, 10}).code(), Code::already_exists);
}

TEST_F(SharedRegionsTest, PlacesOutsideTheRegionAreRefused) {
  Object object("0123456789");
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  ASSERT_TRUE(regions.add({"r", object.key, 0, 8}).ok());
  EXPECT_EQ(read({"nope", 0, 1}), "Unable to find system shared memory region: 'nope'");
  EXPECT_EQ(read({"r", 8, 0}), "Invalid offset for shared memory region: 'r'");
  EXPECT_EQ(read({"r", 7, 2}), "Invalid offset + byte size for shared memory region: 'r'");
  EXPECT_TRUE(read({"r", 1, kMost}).starts_with("Integer overflow detected: byte_size ("));
  EXPECT_FALSE(regions.output({"r", 8, 1}).ok());
}

TEST_F(SharedRegionsTest, ATruncatedObjectIsAnErrorAndDoesNotGrowAgain) {
  Object object(std::string(8192, 'x'));
  ASSERT_TRUE(regions.add({"r", object.key, 0, 8192}).ok());
  const auto output = regions.output({"r", 4096, 100});
  ASSERT_TRUE(output.ok());
  object.truncate(10);
  EXPECT_EQ(read({"r", 4096, 100}), "Invalid offset + byte size for shared memory region: 'r'");
  EXPECT_FALSE((*output)->write(std::as_bytes(std::span("abc", 3))).ok());
  EXPECT_EQ(object.bytes(8192).size(), 10U);
}

TEST_F(SharedRegionsTest, ARegionInUseGoesWithItsLastRequest) {
  Object object("0123456789");
  ASSERT_TRUE(regions.add({"r", object.key, 0, 10}).ok());
  EXPECT_EQ(read({"r", 0, 1}), "0");  // in_use holds it
  auto output = regions.output({"r", 0, 4});
  EXPECT_TRUE(regions.remove("r").ok());
  EXPECT_TRUE(regions.status("r").ok());
  in_use = nullptr;
  EXPECT_TRUE(regions.status("r").ok());
  output = Status::internal("gone");
  EXPECT_EQ(regions.status("r").status().message(),
            "Unable to find system shared memory region: 'r'");
  EXPECT_TRUE(regions.remove("r").ok());  // unknown: fine
}

TEST_F(SharedRegionsTest, AllAreRemovedAtOnceAndUsesMayOutliveTheirOwner) {
  Object object("0123456789");
  auto other = std::make_unique<SharedRegions>(pool, copies);
  ASSERT_TRUE(other->add({"a", object.key, 0, 10}).ok());
  ASSERT_TRUE(other->add({"b", object.key, 0, 10}).ok());
  auto output = other->output({"a", 0, 4});
  EXPECT_TRUE(other->remove_all().ok());
  EXPECT_EQ(other->status("")->size(), 1U);
  other.reset();
  EXPECT_TRUE((*output)->write(std::as_bytes(std::span("ab", 2))).ok());
}

TEST_F(SharedRegionsTest, RegionsAreBounded) {
  Object object("0123456789");
  for (std::size_t i = 0; i < SharedRegions::kRegionsMax; ++i) {
    const Status added = regions.add({"r" + std::to_string(i), object.key, 0, 10});
    if (!added.ok()) GTEST_SKIP() << "fewer file descriptors than regions";
  }
  EXPECT_EQ(regions.add({"one more", object.key, 0, 10}).code(), Code::resource_exhausted);
}

TEST_F(SharedRegionsTest, InputsAreBoundedByTheirPool) {
  Object object(std::string(std::size_t{3} << 20, 'x'));
  ASSERT_TRUE(regions.add({"r", object.key, 0, std::size_t{3} << 20}).ok());
  EXPECT_EQ(regions.read({"r", 0, std::size_t{3} << 20}, in_use).status().code(),
            Code::resource_exhausted);
}

}  // namespace
}  // namespace mlops
