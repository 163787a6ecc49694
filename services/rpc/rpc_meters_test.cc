#include "services/rpc/rpc_meters.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_join.h"

namespace quotaplane {
namespace {

// "label,label,…" to value: of a histogram, its count.
std::map<std::string, double> Values(const metrics::Family& family) {
  std::map<std::string, double> values;
  for (const metrics::Sample& sample : family.samples) {
    const std::string labels = absl::StrJoin(
        sample.labels, ",", [](std::string* out, const auto& one) { out->append(one.second); });
    values[labels] = family.type == metrics::Family::Type::kHistogram
                         ? static_cast<double>(sample.distribution.count)
                         : sample.value;
  }
  return values;
}

TEST(RpcMeters, CountByMethodDecisionAndCode) {
  RpcMeters meters;
  MethodMeter* const reserve = meters.Of("/quotaplane.v1.QuotaService/Reserve");
  EXPECT_EQ(meters.Of("/quotaplane.v1.QuotaService/Reserve"), reserve);
  MethodMeter* const health = meters.Of("/grpc.health.v1.Health/Check");
  EXPECT_NE(health, reserve);
  MethodMeter* const unknown = meters.Of(kUnknownMethod);
  const MethodMeter::Clock::time_point now = MethodMeter::Clock::now();
  for (int i = 0; i < 3; ++i) reserve->Count(CallOutcome::kAllow, 0, now);
  reserve->Count(CallOutcome::kDeny, 0, now);
  reserve->Count(CallOutcome::kError, 3, now);
  reserve->Count(CallOutcome::kError, 14, now);
  reserve->Count(CallOutcome::kError, 14, now);
  reserve->Count(CallOutcome::kError, 4711, now);
  health->Count(CallOutcome::kNone, 0, now);
  unknown->Count(CallOutcome::kError, 12, now);
  const std::vector<metrics::Family> families = meters.Collect();
  ASSERT_EQ(families.size(), 2u);
  EXPECT_EQ(Values(families[0]),
            (std::map<std::string, double>{{"QuotaService/Reserve,allow,OK", 3},
                                           {"QuotaService/Reserve,allow_soft,OK", 0},
                                           {"QuotaService/Reserve,deny,OK", 1},
                                           {"QuotaService/Reserve,error,DATA_LOSS", 0},
                                           {"QuotaService/Reserve,error,DEADLINE_EXCEEDED", 0},
                                           {"QuotaService/Reserve,error,INTERNAL", 0},
                                           {"QuotaService/Reserve,error,INVALID_ARGUMENT", 1},
                                           {"QuotaService/Reserve,error,RESOURCE_EXHAUSTED", 0},
                                           {"QuotaService/Reserve,error,UNAVAILABLE", 2},
                                           {"QuotaService/Reserve,error,UNKNOWN", 1},
                                           {"Health/Check,none,OK", 1},
                                           {"unknown,error,UNIMPLEMENTED", 1}}));
  EXPECT_EQ(Values(families[1]),
            (std::map<std::string, double>{{"QuotaService/Reserve,allow", 3},
                                           {"QuotaService/Reserve,allow_soft", 0},
                                           {"QuotaService/Reserve,deny", 1},
                                           {"QuotaService/Reserve,error", 4},
                                           {"Health/Check,none", 1},
                                           {"unknown,error", 1}}));
}

// So that a rate sees it, too.
TEST(RpcMeters, WhatIsServedIsToldBeforeItsFirstCall) {
  RpcMeters meters;
  meters.Of("/quotaplane.v1.QuotaService/Commit");
  MethodMeter* const list = meters.Of("/quotaplane.v1.AdminService/ListKeys");
  meters.Of(kUnknownMethod);
  std::map<std::string, double> expected = {{"QuotaService/Commit,none,OK", 0},
                                            {"QuotaService/Commit,error,DATA_LOSS", 0},
                                            {"QuotaService/Commit,error,DEADLINE_EXCEEDED", 0},
                                            {"QuotaService/Commit,error,INTERNAL", 0},
                                            {"QuotaService/Commit,error,RESOURCE_EXHAUSTED", 0},
                                            {"QuotaService/Commit,error,UNAVAILABLE", 0},
                                            {"QuotaService/Commit,error,UNKNOWN", 0},
                                            {"AdminService/ListKeys,none,OK", 0},
                                            {"unknown,error,UNIMPLEMENTED", 0}};
  EXPECT_EQ(Values(meters.Collect()[0]), expected);
  EXPECT_EQ(Values(meters.Collect()[1]),
            (std::map<std::string, double>{{"QuotaService/Commit,none", 0}}));
  list->Count(CallOutcome::kError, 7, MethodMeter::Clock::now());
  expected["AdminService/ListKeys,error,PERMISSION_DENIED"] = 1;
  EXPECT_EQ(Values(meters.Collect()[0]), expected);
}

TEST(RpcMeters, TimeRunsFromWhenTheCallBegan) {
  RpcMeters meters;
  meters.Of("/a.B/C")->Count(CallOutcome::kNone, 0,
                             MethodMeter::Clock::now() - std::chrono::milliseconds(20));
  const metrics::Distribution took = meters.Collect()[1].samples.front().distribution;
  EXPECT_GE(took.sum, 0.02);
  for (const auto& bucket : took.buckets) {
    if (bucket.bound < 0.02) {
      EXPECT_EQ(bucket.cumulative, 0) << bucket.bound;
    }
  }
  EXPECT_EQ(took.buckets.back().cumulative, 1);
}

}  // namespace
}  // namespace quotaplane
