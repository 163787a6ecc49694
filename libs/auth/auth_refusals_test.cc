#include "libs/auth/auth_refusals.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "libs/base/error.h"

namespace quotaplane {
namespace {

std::map<std::string, int64_t> Counted(const AuthRefusals& refusals) {
  std::map<std::string, int64_t> counted;
  for (const auto& [reason, count] : refusals.counts()) {
    if (count != 0) counted[std::string(reason)] = count;
  }
  return counted;
}

TEST(AuthRefusals, AreCountedByReason) {
  AuthRefusals refusals;
  constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
  EXPECT_EQ(refusals.counts().size(), 11u);
  refusals.Count(ReasonedError(kUnauthenticated, "TOKEN_UNKNOWN", "x"));
  refusals.Count(ReasonedError(kUnauthenticated, "TOKEN_UNKNOWN", "y"));
  refusals.Count(ReasonedError(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", "x"));
  refusals.Count(ReasonedError(absl::StatusCode::kUnavailable, "ISSUER_UNAVAILABLE", "x"));
  EXPECT_EQ(Counted(refusals),
            (std::map<std::string, int64_t>{
                {"token_unknown", 2}, {"role_missing", 1}, {"issuer_unavailable", 1}}));
}

TEST(AuthRefusals, ReasonsAreBounded) {
  AuthRefusals refusals;
  refusals.Count(absl::UnauthenticatedError("without a reason"));
  refusals.Count(ReasonedError(absl::StatusCode::kUnauthenticated, "NEW_REASON", "x"));
  // None of who called.
  refusals.Count(absl::UnavailableError("away"));
  refusals.Count(ReasonedError(absl::StatusCode::kPermissionDenied, "OWN_CHANGE", "x"));
  refusals.Count(absl::OkStatus());
  EXPECT_EQ(Counted(refusals), (std::map<std::string, int64_t>{{"other", 2}}));
}

}  // namespace
}  // namespace quotaplane
