// A ledger on a real database with seeded charges in it, and what a report over them should say,
// worked out entry by entry.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/reports/query.h"
#include "libs/sql/test_database.h"

namespace quotaplane::reports {

// One line of the ledger, as plainly as it can be written down.
struct Line {
  int64_t at_us = 0;
  std::string team, project, user, model, meter, cost_center, api_key;
  std::map<std::string, std::string> labels;
  int64_t quantity = 0;
  int64_t cost_nano_usd = 0;
  bool first = false;  // of its charge
  bool correction = false;
  int64_t overrun_nano_usd = 0;
  int64_t denied = 0;  // a refusal, then: no charge

  const std::string& Value(const Dimension& dimension) const;
};

// The instants that go wrong most easily: month ends, midnights and clock changes of several zones,
// and a microsecond before and after; between them anything from 2026-02 to 2026-12.
int64_t TrickyInstant(std::mt19937_64& random);
inline constexpr const char* kZones[] = {"UTC",           "Asia/Kolkata",        "America/New_York",
                                         "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"};
absl::TimeZone ZoneOf(const std::string& name);

// A charge of one to three lines, or of none.
SettledCharge RandomCharge(int id, std::mt19937_64& random);

// What a report should say: every line looked at, nothing indexed, nothing summed up before.
UsageReport NaiveReport(const std::vector<Line>& lines, const UsageQuery& query);

class SeededLedger {
 public:
  // Brings the schema of `database`, which must outlive it, up to date.
  explicit SeededLedger(sql::Database* database);

  // Into the ledger, and into lines().
  void Write(const std::vector<SettledCharge>& charges);
  void Write(const std::vector<RefusalBatch>& batches);
  // A correction of the charge's first line by `cost`.
  void Correct(const SettledCharge& charge, int64_t at_us, int64_t cost, const std::string& reason);
  // `count` random charges of the org "acme", some corrections, some refusals, and a few of another
  // org.
  void Fill(int count, uint64_t seed);

  // Of acme.
  const std::vector<Line>& lines() const { return lines_; }

 private:
  sql::Database* const db_;
  LedgerWriter writer_;
  std::vector<Line> lines_;
};

class ReportsTest : public sql::DatabaseTest {
 protected:
  const std::vector<Line>& lines() const { return ledger_.lines(); }

  SeededLedger ledger_{db_.get()};
};

}  // namespace quotaplane::reports
