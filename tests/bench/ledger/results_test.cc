#include "tests/bench/ledger/results.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace quotaplane::bench {
namespace {

Results Sample() {
  Measured postgres;
  postgres.database = "postgres";
  postgres.version = "PostgreSQL 15";
  postgres.drain.charges = 400;
  postgres.drain.entries = 1'000;
  postgres.drain.seconds = 0.04;
  postgres.drain.tenths = std::vector<double>(10, 25'000);
  postgres.drain.worker_rss_mib = 90;
  postgres.month.entries = 800;
  postgres.month.report_ms = {9, 1, 5};
  postgres.month.export_s = 1;
  Measured sqlite = postgres;
  sqlite.database = "sqlite";
  sqlite.drain.worker_rss_mib = 110;
  sqlite.month.report_ms = {250};
  Results results;
  results.databases = {postgres, sqlite};
  results.commit = "0123456789ab";
  return results;
}

TEST(LedgerResults, JsonHasTheKeysThatOthersRead) {
  const auto json = nlohmann::json::parse(JsonReport(Sample()));
  EXPECT_EQ(json["postgres"]["drain_entries_per_s"], 25'000);
  EXPECT_EQ(json["postgres"]["month_report_ms"], 5);
  EXPECT_EQ(json["postgres"]["month_report_worst_ms"], 9);
  EXPECT_EQ(json["postgres"]["month_report_entries"], 800);
  EXPECT_EQ(json["sqlite"]["month_report_ms"], 250);
  EXPECT_EQ(json["worker_rss_mib"], 110);
  EXPECT_EQ(json["meta"]["commit"], "0123456789ab");
}

TEST(LedgerResults, ATargetThatIsMissedIsCalledThat) {
  for (const Target& target : Targets(Sample())) {
    EXPECT_EQ(target.met(), target.what != "month by team, sqlite") << target.what;
  }
  EXPECT_NE(TextReport(Sample()).find("MISSED"), std::string::npos);
}

}  // namespace
}  // namespace quotaplane::bench
