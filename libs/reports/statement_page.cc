#include "libs/reports/statement_page.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"
#include "libs/money/decimal.h"
#include "libs/reports/html_text.h"
#include "libs/reports/measures.h"
#include "libs/reports/statement_chart.h"
#include "libs/reports/statement_groups.h"
#include "libs/reports/statement_json.h"
#include "libs/reports/text_format.h"

namespace quotaplane {

// Generated from statement_page.css.
extern const std::string_view kStatementPageCss;

namespace reports {
namespace {

constexpr int64_t kNano = 1'000'000'000;
constexpr char kMinus[] = "\u2212";

struct Cell {
  std::string html;
  const char* tone = "";  // a class of the page
};

// A table of which all cells but the first ones are numbers.
class Table {
 public:
  Table(const std::vector<std::string>& titles, size_t texts) : texts_(texts) {
    html_ = "<table><thead><tr>";
    for (size_t i = 0; i < titles.size(); ++i) {
      absl::StrAppend(&html_, "<th scope=\"col\"", i < texts_ ? "" : " class=\"n\"", ">", titles[i],
                      "</th>");
    }
    html_ += "</tr></thead><tbody>\n";
  }

  void Add(const std::vector<Cell>& cells, const char* row = "") {
    absl::StrAppend(&html_, "<tr", Class(row), ">");
    for (size_t i = 0; i < cells.size(); ++i) {
      absl::StrAppend(&html_, "<td", Class(i < texts_ ? cells[i].tone : "n"), ">", cells[i].html,
                      "</td>");
    }
    html_ += "</tr>\n";
  }

  std::string Html() const { return html_ + "</tbody></table>\n"; }

 private:
  static std::string Class(std::string_view name) {
    return name.empty() ? "" : absl::StrCat(" class=\"", AbslView(name), "\"");
  }

  const size_t texts_;
  std::string html_;
};

Cell Named(const std::string& name, const char* otherwise) {
  return name.empty() ? Cell{otherwise, "none"} : Cell{EscapeHtml(name)};
}

std::string WithMinus(std::string amount) {
  return amount.starts_with('-') ? absl::StrCat(kMinus, amount.substr(1)) : amount;
}

std::string MonthWords(const std::string& month) {
  const std::optional<absl::CivilMonth> parsed = ParseMonthName(month);
  if (!parsed.has_value()) return month;
  return absl::FormatTime("%B %Y", absl::FromCivil(*parsed, absl::UTCTimeZone()),
                          absl::UTCTimeZone());
}

// A rate of millionths in percent: "3.5 %".
std::string Percent(int64_t millionths) {
  return WithMinus(absl::StrCat(FormatDecimal(millionths, 4, 0), "&nbsp;%"));
}

class Page {
 public:
  explicit Page(const Statement& statement)
      : statement_(statement), head_(statement.head), decimals_(DecimalsOf(statement.totals)) {}

  absl::StatusOr<std::string> Html() {
    Head();
    Title();
    Facts();
    Summary();
    QP_RETURN_IF_ERROR(Chart());
    QP_RETURN_IF_ERROR(Groups("Usage by team", "Team", &LineKey::team, "no team"));
    QP_RETURN_IF_ERROR(Groups("Usage by model", "Model", &LineKey::model, "no model"));
    QP_RETURN_IF_ERROR(Changes(LineKind::kLate, "Late usage",
                               "of earlier months, in the ledger only after they were closed"));
    QP_RETURN_IF_ERROR(Changes(LineKind::kCorrection, "Corrections",
                               "made this month, of charges of this or an earlier one"));
    SeatFees();
    SharedCosts();
    Foot();
    return std::move(html_);
  }

 private:
  // Two, and more where the whole statement is less than a dollar.
  static int DecimalsOf(const Totals& totals) {
    const auto dollars = [](int64_t nano) { return nano >= kNano || nano <= -kNano; };
    return dollars(totals.usage_nano_usd) || dollars(totals.total_nano_usd) ? 2 : 9;
  }
  std::string Usd(int64_t nano) const { return WithMinus(GroupedAmount(nano, decimals_)); }
  template <typename... Part>
  void Add(const Part&... parts) {
    absl::StrAppend(&html_, parts...);
  }
  std::string CenterName() const {
    return statement_.cost_center.empty() ? "Without a cost center"
                                          : EscapeHtml(statement_.cost_center);
  }
  std::string DueText() const {
    const Currency& currency = statement_.currency;
    return absl::StrCat(EscapeHtml(currency.code), "&nbsp;",
                        WithMinus(GroupedAmount(statement_.totals.due_nano, currency.decimals)));
  }
  void BeginSection(std::string_view title, std::string_view note = "") {
    Add("<section><h2>", AbslView(title));
    if (!note.empty()) Add(" <small>", AbslView(note), "</small>");
    Add("</h2>\n");
  }

  void Head() {
    Add("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<title>Statement ",
        StatementName(statement_), ", ", EscapeHtml(head_.org), "</title>\n<style>\n",
        AbslView(kStatementPageCss), "</style></head>\n<body><main>\n");
  }

  void Title() {
    Add("<header><div><p class=\"kicker\">Chargeback statement</p><h1>", CenterName(),
        "</h1><p class=\"period\">", MonthWords(head_.month), " \u00b7 ", EscapeHtml(head_.org),
        "</p></div><div class=\"due\"><p class=\"kicker\">",
        head_.preview() ? "So far" : "Amount due", "</p><strong>", DueText(), "</strong>");
    if (statement_.currency != Currency()) {
      Add("<span>USD&nbsp;", Usd(statement_.totals.total_nano_usd), "</span>");
    }
    Add("</div></header>\n");
    if (head_.preview()) {
      Add("<p class=\"preview\"><strong>Preview.</strong> The month is not closed: this may change "
          "and is no statement yet.</p>\n");
    }
  }

  void Fact(std::string_view term, const std::string& html) {
    Add("<div><dt>", AbslView(term), "</dt><dd>", html, "</dd></div>");
  }

  void Facts() {
    absl::TimeZone zone;
    absl::LoadTimeZone(head_.time_zone, &zone);
    const auto moment = [&](int64_t us) {
      return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMicros(us), zone);
    };
    Add("<dl>");
    Fact("Statement", StatementName(statement_));
    Fact("Period", absl::StrCat(moment(head_.range.from_us).substr(0, 10), " to ",
                                moment(head_.range.to_us - 1).substr(0, 10)));
    Fact("Time zone", EscapeHtml(head_.time_zone));
    Fact("Closed", head_.preview() ? "not yet" : moment(head_.closed_at_us));
    Add("</dl>\n");
  }

  void Summary() {
    const Totals& totals = statement_.totals;
    const Currency& currency = statement_.currency;
    BeginSection("Summary");
    Table table({"Item", "", "USD"}, 2);
    const auto line = [&](const char* what, const std::string& note, int64_t nano) {
      table.Add({{what}, {note, "note"}, {Usd(nano)}});
    };
    line("Usage", absl::StrCat("in ", MonthWords(head_.month)), totals.usage_nano_usd);
    if (totals.late_nano_usd != 0) {
      line("Late usage", "of months closed before", totals.late_nano_usd);
    }
    if (totals.corrections_nano_usd != 0) line("Corrections", "", totals.corrections_nano_usd);
    if (totals.markup_nano_usd != 0) {
      line(statement_.markup_millionths < 0 ? "Discount" : "Markup",
           absl::StrCat(Percent(statement_.markup_millionths), " of the above"),
           totals.markup_nano_usd);
    }
    if (!statement_.seat_fees.empty()) line("Seat fees", "", totals.seat_fees_nano_usd);
    if (!statement_.shared_costs.empty()) {
      line("Shared costs", "allocated", totals.shared_costs_nano_usd);
    }
    table.Add({{"Total"}, {""}, {Usd(totals.total_nano_usd)}}, "sum");
    table.Add(
        {{head_.preview() ? "So far" : "Amount due"},
         {currency == Currency() ? std::string()
                                 : absl::StrCat("at ", FormatDecimal(currency.nano_per_usd, 9, 2),
                                                " ", EscapeHtml(currency.code), " per USD"),
          "note"},
         {DueText()}},
        "total");
    Add(table.Html(), "</section>\n");
  }

  // By team, or by model where there is but one team.
  absl::Status Chart() {
    const CenterUsage& usage = statement_.usage;
    QP_ASSIGN_OR_RETURN(DaySeries series, SeriesOf(usage.by_team, head_.month, kMaxSeries));
    const bool by_team = series.names.size() > 1;
    if (!by_team) {
      QP_ASSIGN_OR_RETURN(series, SeriesOf(usage.by_model, head_.month, kMaxSeries));
    }
    if (series.names.empty()) return absl::OkStatus();
    BeginSection("Usage by day", by_team ? "USD, by team" : "USD, by model");
    Add("<div class=\"chart\">", DayChart(series, by_team ? "no team" : "no model"),
        "</div></section>\n");
    return absl::OkStatus();
  }

  absl::Status Groups(const char* title, const char* column, std::string LineKey::*by,
                      const char* unnamed) {
    QP_ASSIGN_OR_RETURN(const std::vector<GroupSum> groups,
                        GroupUsage(statement_.usage.lines, by, kMaxPageGroups));
    if (groups.empty()) return absl::OkStatus();
    BeginSection(title);
    const int64_t total = statement_.totals.usage_nano_usd;
    Table table({column, "Requests", "Tokens", "Share", "USD"}, 1);
    GroupSum sum;
    for (const GroupSum& group : groups) {
      const Cell name = group.groups > 1 ? Cell{absl::StrCat(group.groups, " others"), "none"}
                                         : Named(group.name, unnamed);
      table.Add({name,
                 {GroupedCount(group.requests)},
                 {GroupedCount(group.tokens)},
                 {PercentOf(group.cost_nano_usd, total)},
                 {Usd(group.cost_nano_usd)}});
      QP_ASSIGN_OR_RETURN(sum.requests, Plus(sum.requests, group.requests));
      QP_ASSIGN_OR_RETURN(sum.tokens, Plus(sum.tokens, group.tokens));
    }
    table.Add(
        {{"Usage"}, {GroupedCount(sum.requests)}, {GroupedCount(sum.tokens)}, {""}, {Usd(total)}},
        "sum");
    Add(table.Html(), "</section>\n");
    return absl::OkStatus();
  }

  // Lines of late usage, or of corrections.
  absl::Status Changes(LineKind kind, const char* title, const char* note) {
    std::vector<const Lines::value_type*> lines;
    for (const Lines::value_type& line : statement_.usage.lines) {
      if (line.first.kind == kind) lines.push_back(&line);
    }
    if (lines.empty()) return absl::OkStatus();
    const bool corrections = kind == LineKind::kCorrection;
    BeginSection(title, note);
    Table table(
        {corrections ? "Of" : "Month", "Team", "Project", "Model", "Meter", "Quantity", "USD"}, 5);
    int64_t left = 0;
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto& [key, amounts] = *lines[i];
      if (i >= kMaxPageLines) {
        QP_ASSIGN_OR_RETURN(left, Plus(left, amounts.cost_nano_usd));
        continue;
      }
      table.Add({Named(corrections ? key.corrects_month : key.month, "unknown"),
                 Named(key.team, "no team"), Named(key.project, "no project"),
                 Named(key.model, "no model"), Named(key.meter, "none"),
                 Cell{WithMinus(GroupedCount(amounts.quantity))},
                 Cell{Usd(amounts.cost_nano_usd)}});
    }
    if (lines.size() > kMaxPageLines) {
      table.Add({{absl::StrCat(lines.size() - kMaxPageLines, " more lines"), "none"},
                 {""},
                 {""},
                 {""},
                 {""},
                 {""},
                 {Usd(left)}});
    }
    table.Add({{title},
               {""},
               {""},
               {""},
               {""},
               {""},
               {Usd(corrections ? statement_.totals.corrections_nano_usd
                                : statement_.totals.late_nano_usd)}},
              "sum");
    Add(table.Html(), "</section>\n");
    return absl::OkStatus();
  }

  void SeatFees() {
    if (statement_.seat_fees.empty()) return;
    BeginSection("Seat fees");
    Table table({"Fee", "Seats", "USD per seat", "USD"}, 1);
    for (const SeatCharge& fee : statement_.seat_fees) {
      table.Add({{EscapeHtml(fee.name)},
                 {GroupedCount(fee.seats)},
                 {Usd(fee.nano_usd_per_seat)},
                 {Usd(fee.amount_nano_usd)}});
    }
    table.Add({{"Seat fees"}, {""}, {""}, {Usd(statement_.totals.seat_fees_nano_usd)}}, "sum");
    Add(table.Html(), "</section>\n");
  }

  void SharedCosts() {
    if (statement_.shared_costs.empty()) return;
    BeginSection("Shared costs");
    Table table({"Cost", "Allocated", "Whole, USD", "Share", "USD"}, 2);
    for (const SharedCharge& cost : statement_.shared_costs) {
      const char* const how = cost.allocation == Allocation::kEven      ? "evenly"
                              : cost.allocation == Allocation::kByUsage ? "by usage"
                                                                        : "by weight";
      table.Add({{EscapeHtml(cost.name)},
                 {how, "note"},
                 {Usd(cost.of_nano_usd)},
                 {PercentOf(cost.amount_nano_usd, cost.of_nano_usd)},
                 {Usd(cost.amount_nano_usd)}});
    }
    table.Add({{"Shared costs"}, {""}, {""}, {""}, {Usd(statement_.totals.shared_costs_nano_usd)}},
              "sum");
    Add(table.Html(), "</section>\n");
  }

  void Foot() {
    Add("<footer><p>Exact total: USD&nbsp;",
        WithMinus(FormatDecimal(statement_.totals.total_nano_usd, 9, 2)),
        ". Other amounts are rounded for display, so that columns may differ from their sums in "
        "the "
        "last place; the statement's JSON and CSV have them exactly.</p>\n");
    if (!head_.preview()) {
      Add("<p>Statements are final. Late usage and corrections are in the next one.</p>\n"
          "<p>Document ",
          FormatHex(HashOf(StatementJson(statement_)).view()), " (BLAKE2b-128)</p>\n");
    }
    Add("</footer></main></body></html>\n");
  }

  const Statement& statement_;
  const MonthHead& head_;
  const int decimals_;
  std::string html_;
};

}  // namespace

absl::StatusOr<std::string> StatementPage(const Statement& statement) {
  return Page(statement).Html();
}

}  // namespace reports
}  // namespace quotaplane
