#include "services/quotaplane/process_conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kDayS = 86'400;
constexpr int64_t kNowS = 1'793'491'200;  // 2026-11-01 00:00 UTC

OperationsCondition Only(const std::vector<OperationsCondition>& conditions) {
  EXPECT_EQ(conditions.size(), 1);
  return conditions.empty() ? OperationsCondition() : conditions[0];
}

TEST(ProcessConditions, FilesThatAreNotInForceAreOneConditionOnOneLine) {
  EXPECT_THAT(FileConditions({}), IsEmpty());
  EXPECT_THAT(
      FileConditions(
          {{"/etc/policy.yaml", "line 1: bad\nline 2: worse"}, {"/etc/tls.pem", "gone"}}),
      ElementsAre(OperationsCondition{
          "file", "", Severity::kCritical,
          "/etc/policy.yaml is not in force, what was before it is: line 1: bad; line 2: worse; "
          "/etc/tls.pem is not in force, what was before it is: gone"}));
}

TEST(ProcessConditions, ASpoolIsDegradedWhileAnythingWaitsInIt) {
  SpoolStats spool;
  spool.appended = spool.acknowledged = 9;
  EXPECT_THAT(SpoolConditions(spool), IsEmpty());
  spool.records = 3;
  EXPECT_THAT(SpoolConditions(spool),
              ElementsAre(OperationsCondition{
                  "degraded", "", Severity::kCritical,
                  "Degraded: 3 charges wait on this replica's disk for the counter store"}));
}

TEST(ProcessConditions, BooksThatDoNotBalanceAreToldByUnit) {
  BookState books;
  books.watching = true;
  books.counters = 10;
  EXPECT_THAT(BookConditions(books), IsEmpty());
  books.drift["usd"] = {};
  books.drift["requests"] = {.counters = 2, .sum = 1'204, .max = 1'200};
  EXPECT_EQ(Only(BookConditions(books)).summary,
            "The books do not balance: 2 counters differ from the ledger by 1,204 requests");
  books.drift["usd"] = {.counters = 1, .sum = 812'000'000'000, .max = 812'000'000'000};
  const OperationsCondition drift = Only(BookConditions(books));
  EXPECT_EQ(drift.name, "drift");
  EXPECT_EQ(drift.severity, Severity::kCritical);
  EXPECT_EQ(drift.summary,
            "The books do not balance: 2 counters differ from the ledger by 1,204 requests; 1 "
            "counters differ from the ledger by 812.00 USD");
}

TEST(ProcessConditions, ACertificateIsToldFourteenDaysBeforeItsEnd) {
  const auto at = [](int64_t left_s, const std::string& use = "server") {
    return CertificateConditions(use, kNowS + left_s, kNowS);
  };
  EXPECT_THAT(at(14 * kDayS), IsEmpty());
  const OperationsCondition soon = Only(at(14 * kDayS - 1));
  EXPECT_EQ(soon.name, "certificate");
  EXPECT_EQ(soon.severity, Severity::kWarning);
  EXPECT_EQ(soon.summary, "The certificate (server) ends on 2026-11-14 23:59 UTC");
  EXPECT_EQ(Only(at(3 * kDayS)).severity, Severity::kWarning);
  EXPECT_EQ(Only(at(3 * kDayS - 1)).severity, Severity::kCritical);
  EXPECT_EQ(Only(at(1)).summary, "The certificate (server) ends on 2026-11-01 00:00 UTC");
  EXPECT_EQ(Only(at(0)).summary, "The certificate (server) has ended: 2026-11-01 00:00 UTC");
  EXPECT_EQ(Only(at(-400 * kDayS)).severity, Severity::kCritical);
  EXPECT_EQ(Only(at(0, "client_ca")).name, "client-ca");
}

TEST(ProcessConditions, WhatIsReportedIsReadBack) {
  std::vector<OperationsCondition> all = FileConditions({{"a", "b\nc"}});
  for (const OperationsCondition& one : CertificateConditions("client_ca", kNowS, kNowS)) {
    all.push_back(one);
  }
  std::vector<OperationsCondition> want = all;
  for (OperationsCondition& one : want) one.where = "replica-1";
  EXPECT_EQ(DecodeConditions(EncodeConditions(all, 4'096), "replica-1"), want);
}

}  // namespace
}  // namespace quotaplane
