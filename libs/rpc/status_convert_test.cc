#include "libs/rpc/status_convert.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(StatusConvertTest, FieldErrorsBecomeBadRequest) {
  const grpc::Status status = ToGrpcStatus(FieldError({{"subject.org", "is required"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const google::rpc::Status details = DetailsOf(status);
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(0).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "subject.org");
  EXPECT_EQ(bad_request.field_violations(0).description(), "is required");
}

TEST(StatusConvertTest, ManyViolationsFitIntoWhatAClientTakes) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 256; ++i) {
    violations.push_back(
        {absl::StrCat("attempts[", i, "].usage.meters[\"", std::string(40, 'M'), "…\"]"),
         "a meter's name must match [a-z][a-z0-9_]{0,62}"});
  }
  const grpc::Status status = ToGrpcStatus(FieldError(violations));
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(DetailsOf(status).details(0).UnpackTo(&bad_request));
  const int named = bad_request.field_violations_size();
  EXPECT_GE(named, 10);
  EXPECT_EQ(bad_request.field_violations(0).field(), violations[0].field);
  EXPECT_TRUE(status.error_message().ends_with(absl::StrCat("; and ", 256 - named, " more")));
  // With room for what else is in the trailers of a call.
  EXPECT_LT(status.error_message().size() + status.error_details().size() * 4 / 3, 7'500);
}

TEST(StatusConvertTest, ReasonsBecomeErrorInfo) {
  const grpc::Status status =
      ToGrpcStatus(ReasonedError(absl::StatusCode::kAlreadyExists, "RESERVATION_COMMITTED", "twice",
                                 {{"cost_nano_usd", "7"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(DetailsOf(status).details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "RESERVATION_COMMITTED");
  EXPECT_EQ(info.domain(), "quotaplane");
  EXPECT_EQ(info.metadata().at("cost_nano_usd"), "7");
}

TEST(StatusConvertTest, FullQueuesAreOverload) {
  google::rpc::ErrorInfo info;
  const grpc::Status status = ToGrpcStatus(absl::ResourceExhaustedError("10000 calls wait"));
  ASSERT_TRUE(DetailsOf(status).details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "OVERLOADED");
}

}  // namespace
}  // namespace quotaplane
