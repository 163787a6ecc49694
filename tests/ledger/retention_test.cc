// What is old is dropped, and nobody is told half of it.
#include "libs/ledger/retention.h"

#include "absl/strings/match.h"
#include "libs/base/error.h"
#include "libs/config/price_book_reader.h"
#include "libs/ledger/audit.h"
#include "libs/ledger/rerate.h"
#include "libs/reports/entry_files.h"
#include "libs/reports/export.h"
#include "libs/reports/reports.h"
#include "tests/ledger/books_fixture.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = 24 * int64_t{3'600'000'000};
// 2026-08-01 00:00 UTC, four months after March.
constexpr int64_t kAugustUs = 1'785'542'400'000'000;
constexpr int64_t kJulyUs = kAugustUs - 31 * kDayUs;

class RetentionTest : public BooksFixture {
 protected:
  RetentionTest() : retention_(db_.get()) {}

  // One on each first and last of the months from January to July.
  void WriteAll() {
    std::vector<SettledCharge> charges;
    const absl::CivilMonth january(2026, 1);
    for (int month = 0; month < 7; ++month) {
      for (const int past : {0, 1}) {
        const int64_t at_us =
            absl::ToUnixMicros(absl::FromCivil(january + month + past, absl::UTCTimeZone()));
        charges.push_back(SettledOf(static_cast<int>(charges.size()), at_us - past));
      }
    }
    ASSERT_TRUE(writer_.Write(charges, 1).ok());
  }
  Dropped MustRun(const RetentionAges& ages, int64_t now_us = kAugustUs) {
    const auto dropped = retention_.Run(ages, now_us, "server");
    EXPECT_TRUE(dropped.ok()) << dropped.status();
    return dropped.value_or(Dropped{});
  }
  int64_t First(const std::string& table, const std::string& column) {
    return Count("SELECT MIN(" + column + ") FROM " + table);
  }
  absl::Status Query(int64_t from_us, int64_t to_us, const std::string& label = "") {
    reports::UsageQuery query;
    query.selection = {"acme", {from_us, to_us}, {}};
    if (!label.empty()) query.group_by = {{reports::Field::kLabel, label}};
    return reports::QueryUsage(*db_, query).status();
  }

  Retention retention_;
};
QP_OVER_BOTH_DATABASES(RetentionTest);

TEST_P(RetentionTest, DropsEachKindByItsAge) {
  WriteAll();
  const Dropped dropped = MustRun({100, 130, 200, false});
  // 100 days before August is in April: all before that. Sums by day.
  const int64_t april_us =
      absl::ToUnixMicros(absl::FromCivil(absl::CivilMonth(2026, 4), absl::UTCTimeZone()));
  EXPECT_EQ(dropped.kept.entries_from_us, april_us);
  EXPECT_EQ(dropped.kept.hours_from_us, kAugustUs - 130 * kDayUs);
  EXPECT_EQ(dropped.kept.days_from_us, kAugustUs - 200 * kDayUs);
  EXPECT_EQ(postgres() ? dropped.months : dropped.entries, postgres() ? 3 : 6 * 3);
  EXPECT_EQ(dropped.keys, 6);
  EXPECT_EQ(First("ledger_entries", "occurred_at_us"), april_us);
  EXPECT_EQ(First("ledger_keys", "occurred_at_us"), april_us);
  EXPECT_GE(First("rollup_hour", "bucket_us"), kAugustUs - 130 * kDayUs);
  EXPECT_GE(First("rollup_day", "bucket_us"), kAugustUs - 200 * kDayUs);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries"), 8 * 3);
  EXPECT_EQ(ReadKept(*db_)->entries_from_us, april_us);
  // Again, or by a milder policy: nothing, and no bound goes back.
  EXPECT_FALSE(MustRun({100, 130, 200, false}).anything());
  EXPECT_FALSE(MustRun({400, 400, 400, false}).anything());
  EXPECT_EQ(ReadKept(*db_)->entries_from_us, april_us);
  EXPECT_EQ(ReadAudit(*db_, "", 0, kAugustUs + 1, 10)->size(), 1u);
}

// But for their sums, which stay as long as other sums.
TEST_P(RetentionTest, RefusalsGoWithEntries) {
  std::vector<RefusalBatch> batches;
  for (int month = 0; month < 7; ++month) {
    const int64_t at_us =
        absl::ToUnixMicros(absl::FromCivil(absl::CivilMonth(2026, 1) + month, absl::UTCTimeZone()));
    for (const char* org : {"acme", "initech"}) {
      Subject subject = ChargeOf(1).subject;
      subject.org = org;
      const int64_t before_us = at_us - 60'000'000;
      batches.push_back(
          {"r/" + std::to_string(month), org, {{subject, at_us, 1}, {subject, before_us, 10}}});
    }
  }
  ASSERT_TRUE(writer_.Write(std::span<const RefusalBatch>(batches), 1).ok());
  const Dropped dropped = MustRun({100, 130, 0, false});
  EXPECT_EQ(dropped.refusals, 2 * 7);  // January to March, and the last minute of it
  EXPECT_EQ(First("ledger_refusals", "occurred_at_us"), dropped.kept.entries_from_us);
  EXPECT_EQ(Count("SELECT SUM(denied) FROM ledger_refusals"), 2 * (4 * 1 + 3 * 10));
  EXPECT_EQ(Count("SELECT SUM(denied) FROM rollup_day"), 2 * 7 * 11);
  EXPECT_GE(First("rollup_hour", "bucket_us"), dropped.kept.hours_from_us);
  EXPECT_TRUE(Query(kAugustUs - 200 * kDayUs, kAugustUs).ok());
  EXPECT_EQ(ReasonOf(Query(kAugustUs - 200 * kDayUs, kAugustUs, "session")), "DATA_DROPPED");
  EXPECT_FALSE(MustRun({100, 130, 0, false}).anything());
}

TEST_P(RetentionTest, WithoutAgesNothingIsDropped) {
  WriteAll();
  EXPECT_FALSE(MustRun({}).anything());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_kept"), 0);
}

TEST_P(RetentionTest, TheFloorHoldsUnlessToldOtherwise) {
  WriteAll();
  EXPECT_TRUE(absl::IsInvalidArgument(retention_.Run({89, 0, 0, false}, kAugustUs, "s").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(retention_.Run({0, 0, -1, true}, kAugustUs, "s").status()));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_kept"), 0);
  const Dropped dropped = MustRun({10, 0, 0, true});
  EXPECT_EQ(dropped.kept.entries_from_us, kJulyUs);
  // Keys stay for 90 days: a replay is not charged again.
  EXPECT_EQ(
      First("ledger_keys", "occurred_at_us"),
      absl::ToUnixMicros(absl::FromCivil(absl::CivilMonth(2026, 6), absl::UTCTimeZone())) - 1);
  const int64_t entries = Count("SELECT COUNT(*) FROM ledger_entries");
  SettledCharge replay = SettledOf(10, kJulyUs - 31 * kDayUs);
  EXPECT_EQ(writer_.Write(std::vector{replay}, 1)->duplicates, 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries"), entries);
}

TEST_P(RetentionTest, AReportOfWhatIsGoneIsRefused) {
  WriteAll();
  MustRun({100, 100, 0, false});
  const int64_t may_us =
      absl::ToUnixMicros(absl::FromCivil(absl::CivilMonth(2026, 5), absl::UTCTimeZone()));
  const int64_t march_us =
      absl::ToUnixMicros(absl::FromCivil(absl::CivilMonth(2026, 3), absl::UTCTimeZone()));
  // Whole days are there for ever; hours and entries are not.
  EXPECT_TRUE(Query(march_us, kAugustUs).ok());
  EXPECT_TRUE(Query(may_us + 1, kAugustUs).ok());
  for (const absl::Status& status :
       {Query(march_us, march_us + kDayUs / 2), Query(march_us, march_us + 1),
        Query(march_us, kAugustUs, "session")}) {
    EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
    EXPECT_EQ(ReasonOf(status), "DATA_DROPPED");
    EXPECT_TRUE(MetadataOf(status).contains("available_from_time"));
  }
  EXPECT_EQ(MetadataOf(Query(march_us, kAugustUs, "session"))["available_from_time"],
            "2026-04-01T00:00:00Z");
  EXPECT_TRUE(Query(may_us, kAugustUs, "session").ok());
  const auto sink = [](const reports::ExportChunk&) { return absl::OkStatus(); };
  const auto exported = [&](int64_t from_us) {
    return reports::ExportEntries(*db_, {"acme", {from_us, kAugustUs}, {}},
                                  reports::CsvWriter().get(), sink);
  };
  EXPECT_EQ(ReasonOf(exported(march_us)), "DATA_DROPPED");
  EXPECT_TRUE(exported(may_us).ok());
  EXPECT_EQ(ReasonOf(reports::ComparePeriods(*db_, {"acme", {may_us, kAugustUs}, {}},
                                             {march_us, march_us + 1}, {}, 5)
                         .status()),
            "DATA_DROPPED");
}

TEST_P(RetentionTest, WhatIsGoneCanBeNeitherCorrectedNorCompared) {
  {
    const auto worker = Worker();
    Charge(ChargeOf(1));
    EXPECT_TRUE(Reaches(1));
    store_.SetNow(kAugustUs - 1);
    Charge(ChargeOf(8));  // by the same user
    EXPECT_TRUE(Reaches(2));
  }
  const size_t lines = Compare().size();
  MustRun({90, 0, 0, false});
  // The lifetime's sum is not all there any more; what began since is.
  EXPECT_EQ(Compare().size(), lines - 1);
  ExpectBalance();
  EXPECT_TRUE(absl::IsNotFound(TakeBack("a1", "r1", 1, kAugustUs)));
  RerateRequest request;
  request.org = "acme";
  request.from_us = kMonthEndUs;
  request.to_us = kAugustUs;
  request.reason = "r";
  request.actor = "a";
  const Snapshot prices{std::make_shared<const PolicySet>(policy_), DefaultPriceBook()};
  EXPECT_EQ(ReasonOf(Rerater(db_.get()).Rerate(request, prices, kAugustUs).status()),
            "DATA_DROPPED");
}

TEST_P(RetentionTest, EntriesWhoseKeysAreLeftSayThatTheyAreGone) {
  WriteAll();
  MustRun({10, 0, 0, true});
  EXPECT_EQ(ReasonOf(TakeBack("a1", "r10", 1, kAugustUs)), "ENTRIES_DROPPED");
}

TEST_P(RetentionTest, WhatIsBeingReadIsReadToItsEnd) {
  WriteAll();
  {
    const auto reading = db_->Begin({sql::Isolation::kRepeatableRead, true});
    ASSERT_TRUE(reading.ok());
    EXPECT_EQ(sql::MustCount(**reading, "SELECT COUNT(*) FROM ledger_entries"), 14 * 3);
    const absl::Status status = retention_.Run({100, 0, 0, false}, kAugustUs, "s").status();
    // PostgreSQL drops a month from all snapshots at once, so it stays until a later run.
    EXPECT_EQ(status.code(),
              postgres() ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kOk)
        << status;
    EXPECT_EQ(sql::MustCount(**reading, "SELECT COUNT(*) FROM ledger_entries"), 14 * 3);
  }
  EXPECT_EQ(MustRun({100, 0, 0, false}).months, postgres() ? 3 : 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ledger_entries"), 8 * 3);
}

}  // namespace
}  // namespace quotaplane
