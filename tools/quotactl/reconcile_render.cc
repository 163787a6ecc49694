#include "tools/quotactl/reconcile_render.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/money/money.h"
#include "libs/pricing/price_book.h"
#include "libs/reports/text_format.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using reconcile::Comparison;
using reconcile::Difference;
using reconcile::Outcome;
using reconcile::Side;
using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::FormatMoney;
using terminal::Tone;
using Json = nlohmann::ordered_json;

std::string Day(absl::CivilDay day) { return absl::FormatCivilTime(day); }

std::string Words(reconcile::Cause cause) {
  std::string words = reconcile::NameOf(cause);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

bool HasUsage(const Outcome& outcome) { return !outcome.meters.empty(); }

int64_t TokensOf(const Side& side, const Outcome& outcome) {
  int64_t tokens = 0;
  for (const std::string& meter : outcome.meters) {
    if (IsTokenMeter(meter)) tokens += side.Quantity(meter);
  }
  return tokens;
}

Cell ModelCell(const Comparison& of) {
  if (!of.model.empty()) return of.model;
  return Cell(of.is_no_model ? "(none)" : "(all)", Tone::kFaint);
}

Cell Signed(int64_t difference, const std::string& text) {
  if (difference == 0) return Cell(text, Tone::kFaint);
  return Cell(absl::StrCat(difference > 0 ? "+" : "", text), Tone::kWarning);
}

std::vector<Cell> Cells(const Difference& difference, const Outcome& outcome) {
  const Comparison& of = difference.of;
  std::vector<Cell> cells = {Day(of.day), ModelCell(of)};
  if (outcome.compared_cost) {
    const int64_t more = of.provider.cost_nano_usd - of.ledger.cost_nano_usd;
    const bool told = of.compares_cost;
    cells.emplace_back(told ? FormatMoney(of.provider.cost_nano_usd) : "");
    cells.emplace_back(told ? FormatMoney(of.ledger.cost_nano_usd) : "");
    cells.push_back(told ? Signed(more, FormatMoney(more)) : Cell(""));
  }
  if (HasUsage(outcome)) {
    const int64_t there = TokensOf(of.provider, outcome), here = TokensOf(of.ledger, outcome);
    const bool told = of.compares_usage;
    cells.emplace_back(told ? FormatCount(there) : "");
    cells.emplace_back(told ? FormatCount(here) : "");
    cells.push_back(told ? Signed(there - here, FormatCount(there - here)) : Cell(""));
  }
  cells.emplace_back(Words(difference.cause), Tone::kBold);
  cells.emplace_back(difference.evidence);
  return cells;
}

std::string NamesAsText(const Outcome& outcome) {
  std::string text;
  for (const reconcile::Renaming& renaming : outcome.renamings) {
    absl::StrAppend(&text, "Named differently: ", absl::StrJoin(renaming.ledger, ", "),
                    " in the ledger, ", absl::StrJoin(renaming.provider, ", "),
                    " at the provider; compared as ", renaming.model, "\n");
  }
  return text;
}

Json SideAsJson(const Comparison& of, const Side& side, const Outcome& outcome) {
  Json json = Json::object();
  if (of.compares_cost) json["cost_nano_usd"] = absl::StrCat(side.cost_nano_usd);
  if (!of.compares_usage) return json;
  Json& quantities = json["quantities"] = Json::object();
  for (const std::string& meter : outcome.meters) {
    quantities[meter] = absl::StrCat(side.Quantity(meter));
  }
  return json;
}

}  // namespace

std::string OutcomeAsTable(const Outcome& outcome, const reconcile::Options& options,
                           const terminal::Style& style) {
  std::vector<terminal::Column> columns = {{"DAY"}, {"MODEL"}};
  const auto add = [&](const char* there, const char* here, const char* more) {
    for (const char* title : {there, here, more}) columns.push_back({title, Align::kRight});
  };
  if (outcome.compared_cost) add("PROVIDER", "LEDGER", "DIFFERENCE");
  if (HasUsage(outcome)) add("PROVIDER TOKENS", "LEDGER", "DIFFERENCE");
  columns.push_back({"LIKELY CAUSE"});
  columns.push_back({""});
  terminal::Table table(std::move(columns));
  for (const Difference& difference : outcome.differences) {
    table.AddRow(Cells(difference, outcome));
  }
  std::string text = outcome.differences.empty() ? "" : absl::StrCat(table.Render(style), "\n");
  absl::StrAppend(&text, NamesAsText(outcome));
  absl::StrAppend(&text, Day(options.from), " to ", Day(options.to - 1), ": ",
                  FormatCount(static_cast<int64_t>(outcome.differences.size())), " of ",
                  FormatCount(outcome.compared), " days and models differ.");
  if (outcome.compared_cost) {
    absl::StrAppend(&text, " Provider ", FormatMoney(outcome.provider_cost_nano_usd), ", ledger ",
                    FormatMoney(outcome.ledger_cost_nano_usd), ".");
  }
  return absl::StrCat(text, "\n");
}

std::string OutcomeAsCsv(const Outcome& outcome) {
  std::string text;
  const auto line = [&](const std::vector<std::string>& fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) text += ',';
      reports::AppendCsv(fields[i], &text);
    }
    text += "\r\n";
  };
  std::vector<std::string> header = {"day", "model", "cause", "provider_cost_usd",
                                     "ledger_cost_usd"};
  for (const std::string& meter : outcome.meters) {
    header.push_back("provider_" + meter);
    header.push_back("ledger_" + meter);
  }
  header.emplace_back("evidence");
  line(header);
  for (const Difference& difference : outcome.differences) {
    const Comparison& of = difference.of;
    const auto usd = [&](const Side& side) {
      return of.compares_cost ? FormatUsd(side.cost_nano_usd) : std::string();
    };
    std::vector<std::string> fields = {Day(of.day), of.model, NameOf(difference.cause),
                                       usd(of.provider), usd(of.ledger)};
    for (const std::string& meter : outcome.meters) {
      for (const Side* side : {&of.provider, &of.ledger}) {
        fields.push_back(of.compares_usage ? absl::StrCat(side->Quantity(meter)) : "");
      }
    }
    fields.push_back(difference.evidence);
    line(fields);
  }
  return text;
}

std::string OutcomeAsJson(const Outcome& outcome, const reconcile::Options& options) {
  Json json;
  json["from"] = Day(options.from);
  json["to"] = Day(options.to);
  json["compared"] = absl::StrCat(outcome.compared);
  if (outcome.compared_cost) {
    json["provider_cost_nano_usd"] = absl::StrCat(outcome.provider_cost_nano_usd);
    json["ledger_cost_nano_usd"] = absl::StrCat(outcome.ledger_cost_nano_usd);
  }
  Json& differences = json["differences"] = Json::array();
  for (const Difference& difference : outcome.differences) {
    const Comparison& of = difference.of;
    differences.push_back({{"day", Day(of.day)},
                           {"model", of.model},
                           {"cause", NameOf(difference.cause)},
                           {"evidence", difference.evidence},
                           {"provider", SideAsJson(of, of.provider, outcome)},
                           {"ledger", SideAsJson(of, of.ledger, outcome)}});
  }
  Json& renamings = json["renamings"] = Json::array();
  for (const reconcile::Renaming& renaming : outcome.renamings) {
    renamings.push_back(
        {{"model", renaming.model}, {"provider", renaming.provider}, {"ledger", renaming.ledger}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quotaplane::quotactl
