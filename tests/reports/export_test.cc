// Exports, from both databases: every entry once, in whole lines, in bounded chunks.
#include "libs/reports/export.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "absl/strings/str_split.h"
#include "libs/reports/entry_files.h"
#include "libs/reports/focus.h"
#include "libs/reports/reports.h"
#include "tests/reports/reports_fixture.h"

namespace quotaplane::reports {
namespace {

const Selection kAll = {"acme", {0, 4'000'000'000'000'000}, {}};

struct Exported {
  std::string text;
  std::vector<ExportChunk> chunks;  // without their data
};

Exported MustExport(sql::Database& database, std::unique_ptr<EntryWriter> writer,
                    const Selection& selection = kAll) {
  Exported exported;
  const absl::Status status =
      ExportEntries(database, selection, writer.get(), [&](const ExportChunk& chunk) {
        EXPECT_TRUE(chunk.data.empty() || chunk.data.ends_with('\n'));
        EXPECT_LT(chunk.data.size(), kChunkBytes + 4'096);
        exported.text += chunk.data;
        exported.chunks.push_back(chunk);
        exported.chunks.back().data.clear();
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return exported;
}

class ExportTest : public ReportsTest {
 protected:
  // Refusals are no entries.
  int64_t entries() const {
    return std::count_if(lines().begin(), lines().end(),
                         [](const Line& line) { return line.denied == 0; });
  }
};
QP_OVER_BOTH_DATABASES(ExportTest);

TEST_P(ExportTest, HasEveryEntryOnce) {
  ledger_.Fill(600, 5);
  const Exported csv = MustExport(*db_, CsvWriter());
  ASSERT_GT(csv.chunks.size(), 2u);
  for (const ExportChunk& chunk : csv.chunks) {
    EXPECT_EQ(chunk.last, &chunk == &csv.chunks.back());
  }
  int64_t cost = 0;
  for (const Line& line : lines()) cost += line.cost_nano_usd;
  const ExportChunk& end = csv.chunks.back();
  EXPECT_EQ(end.entries, entries());
  EXPECT_EQ(end.cost_nano_usd, cost);
  EXPECT_EQ(end.position_us, kAll.range.to_us);
  // Nothing random has an end of line in it.
  const auto count = std::count(csv.text.begin(), csv.text.end(), '\n');
  EXPECT_EQ(count, entries() + 1);
  const Exported json = MustExport(*db_, JsonLinesWriter());
  EXPECT_EQ(std::count(json.text.begin(), json.text.end(), '\n'), count - 1);
}

TEST_P(ExportTest, InTheOrderOfTime) {
  ledger_.Fill(200, 6);
  const Exported json = MustExport(*db_, JsonLinesWriter());
  std::vector<std::string> times;
  for (const absl::string_view line : absl::StrSplit(json.text, '\n', absl::SkipEmpty())) {
    times.emplace_back(line.substr(line.find("\"occurred_at\":"), 43));
  }
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST_P(ExportTest, PartsMakeTheWhole) {
  ledger_.Fill(300, 9);
  const Exported whole = MustExport(*db_, CsvWriter());
  std::mt19937_64 random(1);
  std::vector<int64_t> cuts = {kAll.range.from_us, kAll.range.to_us};
  for (int i = 0; i < 9; ++i) cuts.push_back(TrickyInstant(random));
  std::sort(cuts.begin(), cuts.end());
  std::string header, joined;
  CsvWriter()->AppendHeader(&header);
  for (size_t i = 1; i < cuts.size(); ++i) {
    const Selection part = {"acme", {cuts[i - 1], cuts[i]}, {}};
    joined += MustExport(*db_, CsvWriter(), part).text.substr(header.size());
  }
  EXPECT_EQ(header + joined, whole.text);
}

TEST_P(ExportTest, AFilteredExportAddsUpToItsReport) {
  ledger_.Fill(300, 10);
  UsageQuery query;
  query.selection = kAll;
  query.selection.filters = {{{Field::kTeam, ""}, {""}, {"s*"}},
                             {{Field::kLabel, "session"}, {}, {"s?"}}};
  const auto report = QueryUsage(*db_, query);
  ASSERT_TRUE(report.ok()) << report.status();
  const Exported focus = MustExport(*db_, FocusWriter({}), query.selection);
  EXPECT_GT(report->total.cost_nano_usd, 0);
  EXPECT_EQ(focus.chunks.back().cost_nano_usd, report->total.cost_nano_usd);
}

TEST_P(ExportTest, ACorrectionIsOfTheHourThatItCorrects) {
  std::mt19937_64 random(3);
  SettledCharge charge = RandomCharge(1, random);
  charge.charge.lines = {{0, "big", ServiceTier::kStandard, "input", 1, 1, 1, false, ""}};
  charge.settlement.occurred_at_us = 1'775'001'599'500'000;  // 2026-03-31 23:59:59.5
  ledger_.Write({charge});
  ledger_.Correct(charge, 1'777'000'000'000'000, -1, "asked twice, charged twice");
  const Selection april = {"acme", {1'775'001'600'000'000, 1'777'593'600'000'000}, {}};
  const Exported focus = MustExport(*db_, FocusWriter({}), april);
  EXPECT_EQ(focus.chunks.back().entries, 1);
  EXPECT_NE(focus.text.find("2026-05-01T00:00:00Z,2026-04-01T00:00:00Z,Usage,Correction,"
                            "\"Correction of big, input tokens: asked twice, charged twice\","
                            "Usage-Based,2026-04-01T00:00:00Z,2026-03-31T23:00:00Z,"),
            std::string::npos)
      << focus.text;
}

// With corrections, other meters, and names that need quotes.
TEST_P(ExportTest, FocusIsAsTheSpecificationHasIt) {
  const char* data = std::getenv("QUOTAPLANE_TESTDATA");
  if (data == nullptr) {
    std::cout << "left out: QUOTAPLANE_TESTDATA is not set\n";
    return;
  }
  ledger_.Fill(500, 14);
  const std::string path = dir_.File("focus.csv");
  std::ofstream(path, std::ios::binary) << MustExport(*db_, FocusWriter({})).text;
  const std::string command =
      std::string("/usr/bin/python3 -B " QP_SOURCE_DIR "/tools/focus_check.py --columns '") + data +
      "/facts/focus_1_2_columns.csv' '" + path + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_P(ExportTest, AnErrorOfTheSinkEndsIt) {
  ledger_.Fill(600, 5);
  int chunks = 0;
  const absl::Status status = ExportEntries(*db_, kAll, CsvWriter().get(), [&](const ExportChunk&) {
    ++chunks;
    return absl::CancelledError("enough");
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(chunks, 1);
  // The database is as good as before.
  EXPECT_GT(MustExport(*db_, CsvWriter()).chunks.back().entries, 0);
}

TEST_P(ExportTest, OfNothingIsAHeader) {
  const Exported csv = MustExport(*db_, CsvWriter());
  EXPECT_EQ(std::count(csv.text.begin(), csv.text.end(), '\n'), 1);
  ASSERT_EQ(csv.chunks.size(), 1u);
  EXPECT_TRUE(csv.chunks[0].last);
}

TEST(BothDatabases, GiveTheSameFilesByteForByte) {
  const fixtures::PostgresServer server;
  const fixtures::TempDir folder;
  const auto postgres = sql::MustOpen({.url = server.url()});
  const auto sqlite = sql::MustOpen({.url = "sqlite:" + folder.File("ledger.db")});
  SeededLedger(postgres.get()).Fill(500, 12);
  SeededLedger(sqlite.get()).Fill(500, 12);
  EXPECT_EQ(MustExport(*postgres, CsvWriter()).text, MustExport(*sqlite, CsvWriter()).text);
  EXPECT_EQ(MustExport(*postgres, JsonLinesWriter()).text,
            MustExport(*sqlite, JsonLinesWriter()).text);
  EXPECT_EQ(MustExport(*postgres, FocusWriter({})).text, MustExport(*sqlite, FocusWriter({})).text);
}

}  // namespace
}  // namespace quotaplane::reports
