#include "tools/quotactl/report_render.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/money/decimal.h"
#include "libs/money/money.h"
#include "libs/reports/text_format.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::FormatMoney;
using terminal::Table;
using terminal::Tone;

constexpr char kNone[] = "(none)";
constexpr char kOthers[] = "all others";
constexpr char kNothing[] = "Nothing was used in this range.\n";
// In this order, before all other meters.
constexpr const char* kTokenMeters[] = {"input", "cache_read", "cache_write_5m", "cache_write_1h",
                                        "output"};

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// The meters of the total: of all rows, then.
std::vector<std::string> MetersOf(const v1::Measures& total) {
  std::set<std::string> left;
  for (const auto& [meter, quantity] : total.quantities()) left.insert(meter);
  std::vector<std::string> meters;
  for (const char* meter : kTokenMeters) {
    if (left.erase(meter) > 0) meters.emplace_back(meter);
  }
  meters.insert(meters.end(), left.begin(), left.end());
  return meters;
}

int64_t QuantityOf(const v1::Measures& measures, const std::string& meter) {
  const auto found = measures.quantities().find(meter);
  return found == measures.quantities().end() ? 0 : found->second;
}

std::string Upper(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  absl::AsciiStrToUpper(&text);
  return text;
}

std::string PeriodText(const v1::UsageRow& row, const ReportLayout& layout) {
  const absl::Time start = FromProto(row.start_time());
  switch (layout.granularity) {
    case v1::GRANULARITY_HOUR:
      return absl::FormatTime("%Y-%m-%d %H:%M %z", start, layout.zone);
    case v1::GRANULARITY_MONTH:
      return absl::FormatTime("%Y-%m", start, layout.zone);
    default:
      return absl::FormatTime("%Y-%m-%d", start, layout.zone);
  }
}

// The cells for a group, or for what stands in its place.
template <typename Row>
std::vector<Cell> GroupCells(const Row& row, size_t dimensions) {
  std::vector<Cell> cells;
  if (row.others()) cells.emplace_back(kOthers, Tone::kFaint);
  for (const std::string& value : row.group()) {
    value.empty() ? cells.emplace_back(kNone, Tone::kFaint) : cells.emplace_back(value);
  }
  cells.resize(dimensions, Cell(""));
  return cells;
}

// Which columns of measures a table has: those that are rarely of use, where they say something.
struct Measured {
  explicit Measured(const v1::Measures& total)
      : meters(MetersOf(total)),
        denied(total.denied() != 0),
        overrun(total.overrun_nano_usd() != 0) {}

  std::vector<std::string> meters;
  bool denied;
  bool overrun;
};

void AddMeasures(const v1::Measures& measures, const Measured& measured, std::vector<Cell>* cells) {
  cells->emplace_back(FormatMoney(measures.cost_nano_usd()));
  cells->emplace_back(FormatCount(measures.requests()));
  if (measured.denied) cells->emplace_back(FormatCount(measures.denied()));
  for (const std::string& meter : measured.meters) {
    cells->emplace_back(FormatCount(QuantityOf(measures, meter)));
  }
  if (measured.overrun) cells->emplace_back(FormatMoney(measures.overrun_nano_usd()));
}

std::vector<terminal::Column> MeasureColumns(const Measured& measured) {
  std::vector<terminal::Column> columns = {{"COST", Align::kRight}, {"REQUESTS", Align::kRight}};
  if (measured.denied) columns.push_back({"DENIED", Align::kRight});
  for (const std::string& meter : measured.meters) columns.push_back({Upper(meter), Align::kRight});
  if (measured.overrun) columns.push_back({"OVERRUN", Align::kRight});
  return columns;
}

// The line below a table, in bold; its first cell, if the table has one for it, says what it is.
void AddTotal(std::vector<Cell> cells, size_t leading, Table* table) {
  std::vector<Cell> line(leading, Cell(""));
  if (leading > 0) line[0] = Cell("TOTAL");
  line.insert(line.end(), cells.begin(), cells.end());
  for (Cell& cell : line) cell.tone = Tone::kBold;
  table->AddRow(std::move(line));
}

class Csv {
 public:
  Csv& Add(std::string_view field) {
    if (!first_) text_ += ',';
    first_ = false;
    reports::AppendCsv(field, &text_);
    return *this;
  }
  Csv& Add(int64_t number) { return Add(absl::StrCat(number)); }
  Csv& AddUsd(int64_t nano_usd) { return Add(FormatUsd(nano_usd)); }
  void EndLine() {
    text_ += "\r\n";
    first_ = true;
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  bool first_ = true;
};

template <typename Row>
void AddGroup(const Row& row, size_t dimensions, Csv* csv) {
  for (size_t i = 0; i < dimensions; ++i) {
    csv->Add(row.others() ? std::string_view() : std::string_view(row.group(static_cast<int>(i))));
  }
  csv->Add(row.others() ? 1 : 0);
}

}  // namespace

std::string UsageAsTable(const v1::QueryUsageResponse& report, const ReportLayout& layout,
                         const terminal::Style& style) {
  if (report.rows().empty()) return kNothing;
  const bool periods = layout.granularity != v1::GRANULARITY_UNSPECIFIED;
  const Measured measured(report.total());
  std::vector<terminal::Column> columns;
  if (periods) columns.push_back({"FROM"});
  for (const std::string& dimension : layout.group_by) columns.push_back({Upper(dimension)});
  const size_t leading = columns.size();
  for (auto& column : MeasureColumns(measured)) columns.push_back(std::move(column));
  Table table(std::move(columns));
  for (const v1::UsageRow& row : report.rows()) {
    std::vector<Cell> cells;
    if (periods) cells.emplace_back(PeriodText(row, layout));
    for (Cell& cell : GroupCells(row, layout.group_by.size())) cells.push_back(std::move(cell));
    AddMeasures(row.measures(), measured, &cells);
    table.AddRow(std::move(cells));
  }
  if (leading > 0) {
    std::vector<Cell> total;
    AddMeasures(report.total(), measured, &total);
    AddTotal(std::move(total), leading, &table);
  }
  return table.Render(style);
}

std::string UsageAsCsv(const v1::QueryUsageResponse& report, const ReportLayout& layout) {
  const std::vector<std::string> meters = MetersOf(report.total());
  Csv csv;
  csv.Add("start_time").Add("end_time");
  for (const std::string& dimension : layout.group_by) csv.Add(dimension);
  csv.Add("others").Add("cost_usd").Add("requests").Add("denied").Add("overrun_usd");
  for (const std::string& meter : meters) csv.Add(meter);
  csv.EndLine();
  for (const v1::UsageRow& row : report.rows()) {
    csv.Add(absl::FormatTime(absl::RFC3339_full, FromProto(row.start_time()), layout.zone));
    csv.Add(absl::FormatTime(absl::RFC3339_full, FromProto(row.end_time()), layout.zone));
    AddGroup(row, layout.group_by.size(), &csv);
    csv.AddUsd(row.measures().cost_nano_usd()).Add(row.measures().requests());
    csv.Add(row.measures().denied()).AddUsd(row.measures().overrun_nano_usd());
    for (const std::string& meter : meters) csv.Add(QuantityOf(row.measures(), meter));
    csv.EndLine();
  }
  return csv.Take();
}

std::string SpendersAsTable(const v1::ListTopSpendersResponse& report, const std::string& dimension,
                            const terminal::Style& style) {
  if (report.spenders().empty()) return kNothing;
  Measured measured(report.total());
  measured.overrun = false;
  std::vector<terminal::Column> columns = {
      {"", Align::kRight}, {Upper(dimension)}, {"SHARE", Align::kRight}};
  for (auto& column : MeasureColumns(measured)) columns.push_back(std::move(column));
  Table table(std::move(columns));
  int rank = 0;
  for (const v1::Spender& spender : report.spenders()) {
    // Tenths of a percent.
    const int64_t share = (spender.share_millionths() + 500) / 1'000;
    std::vector<Cell> cells = {spender.others() ? std::string() : absl::StrCat(++rank),
                               spender.others()         ? Cell(kOthers, Tone::kFaint)
                               : spender.name().empty() ? Cell(kNone, Tone::kFaint)
                                                        : Cell(spender.name(), Tone::kBold),
                               absl::StrCat(FormatDecimal(share, 1, 1), "%")};
    AddMeasures(spender.measures(), measured, &cells);
    table.AddRow(std::move(cells));
  }
  std::vector<Cell> total = {"TOTAL", ""};
  AddMeasures(report.total(), measured, &total);
  std::vector<Cell> line = {""};
  line.insert(line.end(), total.begin(), total.end());
  for (Cell& cell : line) cell.tone = Tone::kBold;
  table.AddRow(std::move(line));
  return table.Render(style);
}

std::string SpendersAsCsv(const v1::ListTopSpendersResponse& report, const std::string& dimension) {
  const std::vector<std::string> meters = MetersOf(report.total());
  Csv csv;
  csv.Add(dimension).Add("others").Add("cost_usd").Add("requests").Add("denied").Add("overrun_usd");
  for (const std::string& meter : meters) csv.Add(meter);
  csv.EndLine();
  for (const v1::Spender& spender : report.spenders()) {
    csv.Add(spender.name()).Add(spender.others() ? 1 : 0);
    csv.AddUsd(spender.measures().cost_nano_usd()).Add(spender.measures().requests());
    csv.Add(spender.measures().denied()).AddUsd(spender.measures().overrun_nano_usd());
    for (const std::string& meter : meters) csv.Add(QuantityOf(spender.measures(), meter));
    csv.EndLine();
  }
  return csv.Take();
}

std::string FormatChange(int64_t millionths) {
  // Tenths of a percent, rounded half away from zero.
  const int64_t half = millionths < 0 ? -500 : 500;
  const __int128 tenths = (static_cast<__int128>(millionths) + half) / 1'000;
  const std::string text = absl::StrCat(FormatDecimal(static_cast<int64_t>(tenths), 1, 1), "%");
  return tenths > 0 ? absl::StrCat("+", text) : text;
}

std::string ComparisonAsTable(const v1::ComparePeriodsResponse& report,
                              const std::vector<std::string>& group_by,
                              const terminal::Style& style) {
  if (report.rows().empty()) return kNothing;
  std::vector<terminal::Column> columns;
  for (const std::string& dimension : group_by) columns.push_back({Upper(dimension)});
  for (const char* title : {"BEFORE", "NOW", "CHANGE", "", "REQUESTS BEFORE", "NOW"}) {
    columns.push_back({title, Align::kRight});
  }
  const bool denied = report.total().base().denied() != 0 || report.total().current().denied() != 0;
  if (denied) {
    for (const char* title : {"DENIED BEFORE", "NOW"}) columns.push_back({title, Align::kRight});
  }
  Table table(std::move(columns));
  const auto numbers = [&](const v1::Comparison& row) {
    const int64_t change = row.cost_change_nano_usd();
    const Tone tone = change > 0 ? Tone::kWarning : change < 0 ? Tone::kGood : Tone::kPlain;
    std::vector<Cell> cells = {FormatMoney(row.base().cost_nano_usd()),
                               FormatMoney(row.current().cost_nano_usd()),
                               Cell(absl::StrCat(change > 0 ? "+" : "", FormatMoney(change)), tone),
                               row.has_cost_change_millionths()
                                   ? Cell(FormatChange(row.cost_change_millionths()), tone)
                                   : Cell(change == 0 ? "" : "new", Tone::kFaint),
                               FormatCount(row.base().requests()),
                               FormatCount(row.current().requests())};
    if (denied) {
      cells.emplace_back(FormatCount(row.base().denied()));
      cells.emplace_back(FormatCount(row.current().denied()));
    }
    return cells;
  };
  for (const v1::Comparison& row : report.rows()) {
    std::vector<Cell> cells = GroupCells(row, group_by.size());
    for (Cell& cell : numbers(row)) cells.push_back(std::move(cell));
    table.AddRow(std::move(cells));
  }
  if (!group_by.empty()) AddTotal(numbers(report.total()), group_by.size(), &table);
  return table.Render(style);
}

std::string ComparisonAsCsv(const v1::ComparePeriodsResponse& report,
                            const std::vector<std::string>& group_by) {
  Csv csv;
  for (const std::string& dimension : group_by) csv.Add(dimension);
  csv.Add("others").Add("base_cost_usd").Add("cost_usd").Add("cost_change_usd");
  csv.Add("cost_change_percent").Add("base_requests").Add("requests");
  csv.Add("base_denied").Add("denied").EndLine();
  for (const v1::Comparison& row : report.rows()) {
    AddGroup(row, group_by.size(), &csv);
    csv.AddUsd(row.base().cost_nano_usd()).AddUsd(row.current().cost_nano_usd());
    csv.AddUsd(row.cost_change_nano_usd());
    csv.Add(row.has_cost_change_millionths() ? FormatDecimal(row.cost_change_millionths(), 4, 0)
                                             : std::string());
    csv.Add(row.base().requests()).Add(row.current().requests());
    csv.Add(row.base().denied()).Add(row.current().denied()).EndLine();
  }
  return csv.Take();
}

}  // namespace quotaplane::quotactl
