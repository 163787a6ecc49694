#include "tools/quotactl/books_render.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tools/client/json.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatAmount;
using terminal::FormatCount;
using terminal::FormatMoney;
using terminal::Table;
using terminal::Tone;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}
absl::Duration SpanOf(const google::protobuf::Duration& span) {
  return absl::Seconds(span.seconds()) + absl::Nanoseconds(span.nanos());
}
std::string Moment(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(time), absl::UTCTimeZone());
}

std::string Plus(std::string_view unit, int64_t amount) {
  return absl::StrCat(amount > 0 ? "+" : "", FormatAmount(unit, amount));
}

std::string Count(int64_t count, std::string_view what) {
  return absl::StrCat(FormatCount(count), " ", std::string(what), count == 1 ? "" : "s");
}

Table RowTable(const Books& books) {
  Table table({{"LIMIT"},
               {"SCOPE"},
               {"WINDOW"},
               {"PERIOD FROM"},
               {"LEDGER", Align::kRight},
               {"COUNTER", Align::kRight},
               {"DRIFT", Align::kRight},
               {"AS OF"}});
  for (const v1::BookRow& row : books.rows) {
    table.AddRow({Cell(row.limit_id(), Tone::kBold), row.scope(), row.window(),
                  row.has_period_start_time() ? Moment(row.period_start_time()) : "",
                  FormatAmount(row.unit(), row.ledger()), FormatAmount(row.unit(), row.counter()),
                  row.drift() == 0 ? Cell("0") : Cell(Plus(row.unit(), row.drift()), Tone::kBad),
                  Moment(row.as_of_time())});
  }
  return table;
}

nlohmann::ordered_json JsonOf(const google::protobuf::Message& message) {
  return nlohmann::ordered_json::parse(client::ToJson(message));
}

// A line of the status: a name, a value and what to know of it.
void Add(Table* table, const char* name, Cell value, const char* note = "") {
  table->AddRow({name, std::move(value), Cell(note, Tone::kFaint)});
}

Cell Bad(int64_t count) { return {FormatCount(count), count == 0 ? Tone::kPlain : Tone::kBad}; }

}  // namespace

bool Books::balanced() const {
  return std::all_of(orgs.begin(), orgs.end(),
                     [](const v1::OrgBooks& org) { return org.state() == v1::OrgBooks::BALANCED; });
}

bool Books::known() const {
  return std::none_of(orgs.begin(), orgs.end(),
                      [](const v1::OrgBooks& org) { return org.state() == v1::OrgBooks::UNKNOWN; });
}

std::string BooksAsText(const Books& books, BooksKind kind, const terminal::Style& style) {
  if (books.limits == 0) {
    return "Nothing to compare: the policy has no limits over calendar periods or lifetimes. Is "
           "the server's --policy set?\n";
  }
  std::string text;
  if (!books.rows.empty()) absl::StrAppend(&text, RowTable(books).Render(style), "\n");
  int64_t counters = 0, drifting = 0, moved = 0;
  for (const v1::OrgBooks& org : books.orgs) {
    counters += org.counters();
    drifting += org.drifting();
    moved += org.moved();
    if (org.state() == v1::OrgBooks::UNKNOWN) {
      absl::StrAppend(&text, org.org(), ": ", style.Paint(Tone::kWarning, "unknown"), ", ",
                      org.reason(), "\n");
    } else if (org.state() == v1::OrgBooks::DIFFERENT) {
      absl::StrAppend(&text, org.org(), ": ", FormatCount(org.drifting()), " of ",
                      Count(org.counters(), "counter"), " differ\n");
    }
  }
  absl::StrAppend(&text, Count(static_cast<int64_t>(books.orgs.size()), "org"), ", ",
                  Count(counters, "counter"), ": ");
  if (!books.known()) {
    absl::StrAppend(&text, style.Paint(Tone::kWarning, "not all books could be compared"));
  } else if (drifting == 0) {
    absl::StrAppend(&text, style.Paint(Tone::kGood, "the books balance"));
  } else if (kind == BooksKind::kRebuild) {
    absl::StrAppend(&text, style.Paint(Tone::kGood, Count(moved, "counter") + " moved"),
                    " to what the ledger says");
  } else {
    absl::StrAppend(&text, style.Paint(Tone::kBad, "the books do not balance"));
  }
  text += "\n";
  if (kind == BooksKind::kDryRun && drifting > 0)
    text += "Nothing was moved: this was a dry run.\n";
  return text;
}

std::string BooksAsJson(const Books& books) {
  nlohmann::ordered_json json;
  json["balanced"] = books.balanced();
  json["limits"] = books.limits;
  json["orgs"] = nlohmann::ordered_json::array();
  for (const v1::OrgBooks& org : books.orgs) json["orgs"].push_back(JsonOf(org));
  json["rows"] = nlohmann::ordered_json::array();
  for (const v1::BookRow& row : books.rows) json["rows"].push_back(JsonOf(row));
  return json.dump(2) + "\n";
}

std::string AdjustAsText(const v1::AdjustResponse& response, const terminal::Style& style) {
  Table table({{"LINE", Align::kRight},
               {"MODEL"},
               {"METER"},
               {"QUANTITY", Align::kRight},
               {"COST", Align::kRight},
               {"QUANTITY LEFT", Align::kRight},
               {"COST LEFT", Align::kRight}});
  for (const v1::AdjustedLine& line : response.lines()) {
    table.AddRow({FormatCount(line.line()), line.model(), line.meter(), Plus("", line.quantity()),
                  Plus("usd", line.cost_nano_usd()), FormatCount(line.quantity_left()),
                  FormatMoney(line.cost_left_nano_usd())});
  }
  return absl::StrCat(
      table.Render(style), "\n",
      response.replayed() ? "This adjustment had been made before. Nothing was changed now.\n" : "",
      Plus("usd", response.cost_nano_usd()), "; the charge of ", Moment(response.charge_time()),
      " UTC comes to ", FormatMoney(response.cost_left_nano_usd()), ".\n",
      response.counters_moved()
          ? "Live counters have been moved.\n"
          : "The counter store is away: live counters will follow by themselves.\n");
}

std::string RerateAsText(const v1::RerateResponse& response, bool dry_run,
                         const terminal::Style& style) {
  Table table({{"MODEL"},
               {"ENTRIES", Align::kRight},
               {"CHANGED", Align::kRight},
               {"BEFORE", Align::kRight},
               {"AFTER", Align::kRight},
               {"CHANGE", Align::kRight}});
  const auto add = [&](const std::string& name, const v1::RerateSums& sums) {
    table.AddRow({name, FormatCount(sums.entries()), FormatCount(sums.changed()),
                  FormatMoney(sums.before_nano_usd()), FormatMoney(sums.after_nano_usd()),
                  Plus("usd", sums.after_nano_usd() - sums.before_nano_usd())});
  };
  for (const v1::RerateSums& model : response.by_model()) {
    add(model.model().empty() ? "(others)" : model.model(), model);
  }
  add("TOTAL", response.total());
  std::string text = absl::StrCat(table.Render(style), "\n", Count(response.charges(), "charge"),
                                  " by the price book ", response.price_version(), ".\n");
  if (response.adjusted_charges() > 0) {
    absl::StrAppend(&text, Count(response.adjusted_charges(), "charge"),
                    " left as they are: somebody adjusted them by hand.\n");
  }
  if (response.unpriced_entries() > 0) {
    absl::StrAppend(&text, FormatCount(response.unpriced_entries()),
                    " entries left as they are: the book has no price for their models.\n");
  }
  if (dry_run) {
    text += "Nothing was written: this was a dry run.\n";
  } else if (!response.counters_moved()) {
    text += "The counter store is away: live counters will follow by themselves.\n";
  }
  return text;
}

std::string ErasureAsText(const std::string& user, const v1::EraseUserResponse& response) {
  std::string text = absl::StrCat(
      response.replayed() ? "Had been erased before: " : "Erased: ", user, " is ",
      response.pseudonym(), " now, in ", FormatCount(response.entries()), " entries and ",
      FormatCount(response.counters()), " live counters. Totals are as they were.\n");
  if (response.quarantined() > 0) {
    absl::StrAppend(&text, Count(response.quarantined(), "charge"),
                    " that were put aside still have the name: look at them by hand "
                    "(docs/ledger.md).\n");
  }
  return text;
}

std::string StatusAsText(const v1::GetStatusResponse& response, absl::Time now,
                         const terminal::Style& style) {
  Table table({{""}, {"", Align::kRight}, {""}});
  Add(&table, "ledger",
      response.ledger_available() ? Cell("available", Tone::kGood) : Cell("away", Tone::kBad));
  if (response.has_outbox_messages()) {
    Add(&table, "outbox", FormatCount(response.outbox_messages()),
        "charges and batches of refusals that are not in the ledger yet");
    Add(&table, "oldest of them", terminal::FormatSpan(SpanOf(response.outbox_oldest_age())));
    Add(&table, "quarantine", Bad(response.quarantined_messages()),
        "of these, put aside for somebody to look at");
  } else {
    Add(&table, "counter store", Cell("away", Tone::kBad));
  }
  if (response.has_pending_moves()) {
    Add(&table, "pending moves", FormatCount(response.pending_moves()),
        "corrections that have not reached the counters");
  }
  const v1::WorkerStatus& worker = response.worker();
  Add(&table, "charges written", FormatCount(worker.charges()), "by this process");
  Add(&table, "entries written", FormatCount(worker.entries()));
  Add(&table, "refusals written", FormatCount(worker.refusal_batches()), "batches of a second");
  Add(&table, "duplicates", FormatCount(worker.duplicates()), "came again, and were left out");
  Add(&table, "failed rounds", FormatCount(worker.failed_rounds()));
  const v1::BooksStatus& books = response.books();
  Add(&table, "limits", FormatCount(books.limits()), "whose books can be compared");
  if (books.watching() && !books.filled()) {
    Add(&table, "counters", Cell("not filled", Tone::kWarning), "they wait for the ledger");
  }
  if (!books.watching()) {
    Add(&table, "books", "",
        books.limits() == 0 ? "nothing to compare" : "another process compares them");
  } else if (!books.has_check_time()) {
    Add(&table, "books", "", "not compared yet");
  } else {
    Add(&table, "books checked",
        absl::StrCat(terminal::FormatSpan(now - TimeOf(books.check_time())), " ago"));
    Add(&table, "counters", FormatCount(books.counters()));
    Add(&table, "unknown orgs", FormatCount(books.unknown_orgs()), "whose ledger was behind");
    for (const v1::UnitDrift& drift : books.drifts()) {
      const std::string name = absl::StrCat("drift, ", drift.unit());
      Add(&table, name.c_str(),
          Cell(FormatAmount(drift.unit(), drift.sum()),
               drift.counters() == 0 ? Tone::kGood : Tone::kBad));
    }
  }
  return table.Render(style);
}

}  // namespace quotaplane::quotactl
