// The recorded trace of a real service as a ledger: every report adds up to the CSV, to the nano,
// from both databases.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/money/money.h"
#include "libs/reports/reports.h"
#include "libs/reports/statement_store.h"
#include "tests/reports/reports_fixture.h"

namespace quotaplane::reports {
namespace {

using TraceTest = ReportsTest;
QP_OVER_BOTH_DATABASES(TraceTest);

constexpr int64_t kInputPrice = 3'000'000'000, kOutputPrice = 15'000'000'000;

struct Call {
  int64_t at_us = 0;
  int64_t input = 0;
  int64_t output = 0;
};

// Empty where there is no folder of real data, which is said.
std::vector<Call> ReadTrace() {
  const char* folder = std::getenv("QUOTAPLANE_TESTDATA");
  if (folder == nullptr) {
    std::cout << "left out: QUOTAPLANE_TESTDATA is not set\n";
    return {};
  }
  std::ifstream file(std::string(folder) + "/traces/azure_llm_code_2023.csv");
  std::vector<Call> calls;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::vector<std::string> fields =
        absl::StrSplit(absl::StripTrailingAsciiWhitespace(line), ',');
    Call call;
    absl::Time at;
    // The last digit of seven is below a microsecond.
    EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%E*S", fields[0], &at, nullptr)) << line;
    EXPECT_TRUE(absl::SimpleAtoi(fields[1], &call.input)) << line;
    EXPECT_TRUE(absl::SimpleAtoi(fields[2], &call.output)) << line;
    call.at_us = absl::ToUnixMicros(at);
    calls.push_back(call);
  }
  EXPECT_EQ(calls.size(), 8'819u);
  return calls;
}

SettledCharge ChargeOf(const Call& call, int number) {
  SettledCharge charge;
  ChargeRecord& record = charge.charge;
  record.id = absl::StrCat("t", number);
  record.subject = {"acme",
                    absl::StrCat("team-", number % 6),
                    absl::StrCat("project-", number % 11),
                    absl::StrCat("user-", number % 60),
                    absl::StrCat("key-", number % 13),
                    "claude-sonnet-4-5",
                    {{"session", absl::StrCat("s", number % 17)}}};
  record.price_version = "trace";
  const auto add = [&](const char* meter, int64_t quantity, int64_t price) {
    if (quantity == 0) return;
    record.lines.push_back({0, "claude-sonnet-4-5", ServiceTier::kStandard, meter, quantity, price,
                            *LineCost(quantity, price), false, ""});
  };
  add("input", call.input, kInputPrice);
  add("output", call.output, kOutputPrice);
  charge.settlement.occurred_at_us = call.at_us;
  return charge;
}

TEST_P(TraceTest, EveryGroupingAddsUpToTheFile) {
  const std::vector<Call> calls = ReadTrace();
  if (calls.empty()) return;
  Measures file;
  std::vector<SettledCharge> charges;
  for (const Call& call : calls) {
    charges.push_back(ChargeOf(call, static_cast<int>(charges.size())));
    file.cost_nano_usd += call.input * 3'000 + call.output * 15'000;
    file.requests += 1;
    file.quantities["input"] += call.input;
    file.quantities["output"] += call.output;
  }
  EXPECT_EQ(file.cost_nano_usd, 57'868'362'000);
  ledger_.Write(charges);
  for (const char* name : {"team", "project", "user", "model", "meter", "cost_center", "api_key",
                           "labels.session", "labels.none"}) {
    for (const char* zone : kZones) {
      for (const Granularity granularity :
           {Granularity::kNone, Granularity::kHour, Granularity::kDay, Granularity::kWeek,
            Granularity::kMonth}) {
        UsageQuery query;
        query.zone = ZoneOf(zone);
        query.selection = {"acme", {calls.front().at_us, calls.back().at_us + 1}, {}};
        query.group_by = {*ParseDimension(name)};
        query.granularity = granularity;
        query.top = granularity == Granularity::kHour ? 3 : 0;
        const auto report = QueryUsage(*db_, query);
        ASSERT_TRUE(report.ok()) << report.status();
        EXPECT_EQ(report->total, file) << name << " " << zone;
        Measures rows;
        for (const UsageRow& row : report->rows) ASSERT_TRUE(rows.Add(row.measures).ok());
        EXPECT_EQ(rows, file) << name << " " << zone;
      }
    }
  }
}

// Half of it in time, half of it late.
TEST_P(TraceTest, TheStatementsAddUpToTheFile) {
  const std::vector<Call> calls = ReadTrace();
  if (calls.empty()) return;
  std::vector<SettledCharge> charges;
  int64_t file = 0;
  for (const Call& call : calls) {
    charges.push_back(ChargeOf(call, static_cast<int>(charges.size())));
    file += call.input * 3'000 + call.output * 15'000;
  }
  const auto close = [&](absl::CivilMonth month) {
    const MonthQuery query = {"acme", month, absl::UTCTimeZone(), {}};
    const auto closed = CloseMonth(*db_, query, MonthName(month), calls.back().at_us * 2);
    EXPECT_TRUE(closed.ok()) << closed.status();
    Totals sum;
    for (const StatementSummary& each : closed->statements) {
      sum.usage_nano_usd += each.totals.usage_nano_usd;
      sum.late_nano_usd += each.totals.late_nano_usd;
    }
    return sum;
  };
  const auto half = charges.begin() + static_cast<ptrdiff_t>(charges.size() / 2);
  ledger_.Write(std::vector<SettledCharge>(charges.begin(), half));
  const Totals november = close(absl::CivilMonth(2023, 11));
  ledger_.Write(std::vector<SettledCharge>(half, charges.end()));
  const Totals december = close(absl::CivilMonth(2023, 12));
  EXPECT_EQ(december.usage_nano_usd, 0);
  EXPECT_EQ(november.usage_nano_usd + december.late_nano_usd, file);
  EXPECT_EQ(file, 57'868'362'000);
}

}  // namespace
}  // namespace quotaplane::reports
