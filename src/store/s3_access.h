#pragma once
// How object stores are reached, besides which.

#include <string>

#include "store/aws_signature.h"

namespace mlops {

struct S3Access {
  AwsCredentials credentials;
  std::string region = "us-east-1";
  std::string endpoint;  // URL; empty: what the location says, else Amazon
};

}  // namespace mlops
