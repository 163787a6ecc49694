#include "libs/reconcile/csv_export.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/reconcile/amounts.h"
#include "libs/reconcile/csv_table.h"

namespace quotaplane::reconcile {
namespace {

constexpr std::string_view kCached[] = {"cache_read", "cache_write_5m", "cache_write_1h"};
constexpr char kAllInput[] = "input_with_cached";

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 63 && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

// What each column of the file is; empty for those that are not asked for.
using Columns = std::vector<std::string>;

absl::StatusOr<Columns> ColumnsOf(const std::vector<std::string>& header,
                                  const CsvMapping& mapping) {
  Columns columns(header.size());
  if (mapping.empty()) {
    std::copy_if(header.begin(), header.end(), columns.begin(), IsName);
  }
  for (const auto& [what, title] : mapping) {
    const auto at = std::find(header.begin(), header.end(), title);
    if (at == header.end() || std::find(at + 1, header.end(), title) != header.end()) {
      return absl::InvalidArgumentError(absl::StrCat("line 1: the header must have the column ",
                                                     QuoteForMessage(title), " once; it has ",
                                                     QuoteForMessage(absl::StrJoin(header, ","))));
    }
    columns[static_cast<size_t>(at - header.begin())] = what;
  }
  const auto has = [&](std::string_view what) {
    return std::find(columns.begin(), columns.end(), what) != columns.end();
  };
  if (!has("day")) {
    return absl::InvalidArgumentError(
        "line 1: which column is the day? Say it as --map day=TITLE, and others likewise");
  }
  if ((has("cost") && has("cost_cents")) || (has("input") && has(kAllInput))) {
    return absl::InvalidArgumentError(
        "line 1: cost and cost_cents, input and input_with_cached: map the one or the other");
  }
  const bool any = std::any_of(columns.begin(), columns.end(), [](const std::string& what) {
    return !what.empty() && what != "day" && what != "model" && what != "tier";
  });
  if (!any) return absl::InvalidArgumentError("line 1: map a cost, or a meter such as input");
  return columns;
}

// One line of the file: its rows, one for each meter and one for the cost.
class Line {
 public:
  absl::Status Set(const std::string& what, const std::string& text) {
    if (what == "day") {
      QP_ASSIGN_OR_RETURN(row_.day, ParseDay(text));
    } else if (what == "model") {
      row_.model = text;
    } else if (what == "tier") {
      row_.tier = text;
    } else if (text.empty()) {
      return absl::OkStatus();
    } else if (what == "cost" || what == "cost_cents") {
      QP_ASSIGN_OR_RETURN(cost_,
                          ParseMoney(text, what == "cost" ? MoneyUnit::kUsd : MoneyUnit::kCents));
      has_cost_ = true;
    } else {
      QP_ASSIGN_OR_RETURN(meters_[what], ParseCount(text));
    }
    return absl::OkStatus();
  }

  absl::Status AddTo(ProviderReport* report) {
    if (const auto all = meters_.find(kAllInput); all != meters_.end()) {
      int64_t uncached = all->second;
      for (const std::string_view meter : kCached) {
        const auto cached = meters_.find(std::string(meter));
        if (cached != meters_.end()) uncached -= cached->second;
      }
      if (uncached < 0) {
        return absl::InvalidArgumentError("the input is less than its cached part");
      }
      meters_["input"] = uncached;
      meters_.erase(all);
    }
    for (const auto& [meter, quantity] : meters_) {
      row_.meter = meter;
      row_.quantity = quantity;
      report->rows.push_back(row_);
    }
    if (!has_cost_) return absl::OkStatus();
    row_.meter.clear();
    row_.quantity.reset();
    row_.cost_nano_usd = cost_.nano_usd;
    row_.rounding_nano_usd = cost_.rounding_nano_usd;
    report->rows.push_back(row_);
    return absl::OkStatus();
  }

 private:
  ProviderRow row_;
  std::map<std::string, int64_t> meters_;
  Money cost_;
  bool has_cost_ = false;
};

absl::Status ReadLine(const std::vector<std::string>& fields,
                      const std::vector<std::string>& header, const Columns& columns,
                      ProviderReport* report) {
  if (fields.size() != header.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.size(), " fields; the header has ", header.size()));
  }
  Line line;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (columns[i].empty()) continue;
    const absl::Status set = line.Set(columns[i], fields[i]);
    if (!set.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("column ", QuoteForMessage(header[i]), " ", set.message()));
    }
  }
  QP_RETURN_IF_ERROR(line.AddTo(report));
  if (report->rows.size() > kMaxRows) {
    return absl::InvalidArgumentError(absl::StrCat("past the ", kMaxRows, " rows that are read"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CsvMapping> ParseMapping(const std::vector<std::string>& pairs) {
  CsvMapping mapping;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    const std::string what = pair.substr(0, equals);
    if (equals == std::string::npos || !IsName(what) || equals + 1 == pair.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(QuoteForMessage(pair),
                       " is no WHAT=TITLE, such as day=Date, model=Model, cost=\"Cost "
                       "(USD)\" or input=Input"));
    }
    if (!mapping.emplace(what, pair.substr(equals + 1)).second) {
      return absl::InvalidArgumentError(absl::StrCat(what, " is mapped twice"));
    }
  }
  return mapping;
}

absl::StatusOr<ProviderReport> ReadCsv(std::string_view text, const CsvMapping& mapping) {
  CsvTable table(text);
  const auto at_line = [&](const absl::Status& status) {
    return absl::InvalidArgumentError(absl::StrCat("line ", table.line(), ": ", status.message()));
  };
  std::vector<std::string> header, fields;
  const absl::StatusOr<bool> any = table.Next(&header);
  if (!any.ok()) return at_line(any.status());
  if (!*any) return absl::InvalidArgumentError("the file is empty; a header was expected");
  QP_ASSIGN_OR_RETURN(const Columns columns, ColumnsOf(header, mapping));
  ProviderReport report;
  while (true) {
    const absl::StatusOr<bool> more = table.Next(&fields);
    if (!more.ok()) return at_line(more.status());
    if (!*more) break;
    const absl::Status read = ReadLine(fields, header, columns, &report);
    if (!read.ok()) return at_line(read);
  }
  for (const std::string& what : columns) {
    const bool money = what == "cost" || what == "cost_cents";
    report.has_cost |= money;
    report.has_usage |=
        !what.empty() && !money && what != "day" && what != "model" && what != "tier";
  }
  return report;
}

}  // namespace quotaplane::reconcile
