#include "libs/base/error.h"

#include <gtest/gtest.h>

namespace quotaplane {
namespace {

TEST(ErrorTest, ReasonTravelsWithTheStatus) {
  const absl::Status status =
      ReasonedError(absl::StatusCode::kNotFound, "RESERVATION_UNKNOWN", "no such reservation");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(status), "RESERVATION_UNKNOWN");
  EXPECT_FALSE(ReasonOf(absl::NotFoundError("x")).has_value());
}

TEST(ErrorTest, FieldViolationsTravelWithTheStatus) {
  const absl::Status status = FieldError({{"subject.org", "is required"}, {"ttl", "is too long"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "subject.org: is required; ttl: is too long");
  const std::vector<FieldViolation> violations = FieldViolationsOf(status);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[1].field, "ttl");
  EXPECT_EQ(violations[1].description, "is too long");
  EXPECT_TRUE(FieldViolationsOf(absl::OkStatus()).empty());
}

}  // namespace
}  // namespace quotaplane
