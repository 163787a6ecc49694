#include "tools/client/failure.h"

#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "tools/client/json.h"

namespace quotaplane::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const terminal::Style kPlain(false);

template <typename Detail>
grpc::Status With(grpc::StatusCode code, const std::string& message, const Detail& detail) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  status.add_details()->PackFrom(detail);
  return grpc::Status(code, message, status.SerializeAsString());
}

Failure ExplainPlainly(const grpc::Status& status) {
  return Explain(status, "127.0.0.1:7411", absl::Seconds(10), kPlain);
}

TEST(Failure, AWrongFieldIsWrongUseAndIsNamed) {
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("subject.org");
  violation->set_description("is required");
  const Failure failure =
      ExplainPlainly(With(grpc::StatusCode::INVALID_ARGUMENT, "1 field is wrong", bad));
  EXPECT_EQ(failure.exit_code, kWrongUse);
  EXPECT_EQ(failure.text, "INVALID_ARGUMENT: 1 field is wrong\n  subject.org  is required\n");
  EXPECT_THAT(ToJson(failure.status), HasSubstr(R"("field": "subject.org")"));
}

TEST(Failure, AReasonIsShownWithAdvice) {
  google::rpc::ErrorInfo info;
  info.set_reason("RESERVATION_RELEASED");
  (*info.mutable_metadata())["reservation_id"] = "r-1";
  const grpc::Status status = With(grpc::StatusCode::FAILED_PRECONDITION, "r-1 was released", info);
  const Failure failure = ExplainPlainly(status);
  EXPECT_EQ(failure.exit_code, kFailed);
  EXPECT_THAT(failure.text,
              HasSubstr("FAILED_PRECONDITION RESERVATION_RELEASED: r-1 was released"));
  EXPECT_THAT(failure.text, HasSubstr("  reservation_id: r-1"));
  EXPECT_THAT(failure.text, HasSubstr("quotactl record"));
  EXPECT_EQ(ReasonOf(status), "RESERVATION_RELEASED");
}

TEST(Failure, AMissingServerSaysHowToStartOne) {
  const Failure failure =
      ExplainPlainly(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"));
  EXPECT_EQ(failure.exit_code, kFailed);
  EXPECT_THAT(failure.text, HasSubstr("quotaplane serve"));
  EXPECT_THAT(failure.text, HasSubstr("127.0.0.1:7411"));
}

TEST(Failure, AMissingStoreIsNotAMissingServer) {
  google::rpc::ErrorInfo info;
  info.set_reason("STORE_UNAVAILABLE");
  const Failure failure =
      ExplainPlainly(With(grpc::StatusCode::UNAVAILABLE, "the store is away", info));
  EXPECT_THAT(failure.text, HasSubstr("Redis"));
  EXPECT_THAT(failure.text, Not(HasSubstr("quotaplane serve")));
}

TEST(Failure, GarbledDetailsAreLeftOut) {
  const Failure failure = ExplainPlainly(
      grpc::Status(grpc::StatusCode::INTERNAL, "it broke", std::string("\xff\xff\xff", 3)));
  EXPECT_EQ(failure.text, "INTERNAL: it broke\n");
  EXPECT_EQ(failure.status.details_size(), 0);
}

}  // namespace
}  // namespace quotaplane::client
