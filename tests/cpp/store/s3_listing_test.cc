#include "store/s3_listing.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

std::string listing(const std::string& inside) {
  return "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3\">" + inside +
         "</ListBucketResult>";
}

constexpr const char* kObject =
    "<Contents><Key>m/1/a&amp;b&#x41;&#66;.onnx</Key><ETag>&quot;e&quot;</ETag><Size>12</Size>"
    "<Owner><ID>x</ID><Key>no</Key></Owner><Empty/></Contents>";

TEST(S3Listing, HasObjectsAndItsContinuation) {
  const auto found = parse_s3_listing(
      listing(std::string("<Name>b</Name><IsTruncated>true</IsTruncated><!-- <x> -->") + kObject +
              kObject + "<NextContinuationToken>t</NextContinuationToken>"));
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_EQ(found->objects.size(), 2U);
  EXPECT_EQ(found->objects[0].key, "m/1/a&bAB.onnx");
  EXPECT_EQ(found->objects[0].etag, "\"e\"");
  EXPECT_EQ(found->objects[0].size, 12U);
  EXPECT_EQ(found->next, "t");
  const auto empty = parse_s3_listing(listing("<IsTruncated>false</IsTruncated>"));
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->objects.empty() && empty->next.empty());
}

TEST(S3Listing, RubbishIsAnError) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  for (const std::string& xml :
       {std::string(), std::string("{}"), std::string("<Error><Code>x</Code></Error>"),
        listing("<Contents>"), listing("</Contents>"),
        listing("<Contents><Key>a&bad;</Key></Contents>"),
        listing("<Contents><Key>a&#xd800;</Key></Contents>"), listing("<Contents><Key>a&amp"),
        listing("<Contents><Size>1</Size></Contents>"),
        listing("<Contents><Key>k</Key><Size>-1</Size></Contents>"),
        listing("<IsTruncated>true</IsTruncated>"), listing(deep), listing("<!DOCTYPE x>"),
        listing("<>"), listing("<a"), std::string("<!-- no end")}) {
    EXPECT_FALSE(parse_s3_listing(xml).ok()) << xml.substr(0, 100);
  }
}

TEST(S3Listing, ErrorsAreOneLine) {
  EXPECT_EQ(s3_error_text("<Error><Code>AccessDenied</Code><Message>No\nway</Message></Error>"),
            "AccessDenied: Noway");
  EXPECT_EQ(s3_error_text("<html>"), "");
}

}  // namespace
}  // namespace mlops
