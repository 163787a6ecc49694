#include "libs/control/price_books.h"

#include <array>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/config/price_book_reader.h"
#include "libs/control/store_rules.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

// What List reads: all but the document.
constexpr absl::string_view kColumns =
    "number, version, state, author, reason, created_at_us, active_from_us, activated_by, models, "
    "change_number";

absl::StatusOr<StoredPriceBook> RowOf(const sql::Row& row) {
  StoredPriceBook book;
  std::string_view state;
  std::optional<std::string> activated_by;
  int64_t number = 0;
  QP_RETURN_IF_ERROR(row.Read(book.number, book.version, state, book.author, book.reason,
                              book.created_at_us, book.active_from_us, activated_by, book.models,
                              number));
  book.activated_by = activated_by.value_or("");
  book.etag = EtagOf(number);
  return book;
}

// The number of the book in force; 0: none.
absl::StatusOr<int64_t> InForce(sql::Session& session, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"price book in force",
                                     "SELECT number FROM price_books WHERE active_from_us <= $1 "
                                     "ORDER BY active_from_us DESC, change_number DESC LIMIT 1"},
                                    {now_us}));
  return rows.empty() ? int64_t{0} : rows[0][0].integer();
}

PriceBookState StateAt(const StoredPriceBook& book, int64_t in_force, int64_t now_us) {
  if (!book.active_from_us.has_value()) return PriceBookState::kDraft;
  if (*book.active_from_us > now_us) return PriceBookState::kScheduled;
  return book.number == in_force ? PriceBookState::kActive : PriceBookState::kSuperseded;
}

std::string Json(const StoredPriceBook& book) {
  nlohmann::json json = {{"number", book.number},
                         {"version", book.version},
                         {"state", PriceBookStateName(book.state)},
                         {"models", book.models}};
  if (book.active_from_us.has_value()) json["active_from"] = FormatUtc(*book.active_from_us);
  return json.dump();
}

// Of the book in force and those scheduled, in the order in which they hold.
absl::StatusOr<PricesItem> ReadItem(sql::Session& session, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const int64_t in_force, InForce(session, now_us));
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"price books in the item",
                     "SELECT number, active_from_us, document FROM price_books WHERE "
                     "active_from_us > $1 OR number = $2 ORDER BY active_from_us, change_number"},
                    {now_us, in_force}));
  PricesItem item;
  size_t scheduled = 0, bytes = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    PricesItem::Book book;
    QP_RETURN_IF_ERROR(rows[i].Read(book.number, book.active_from_us, book.yaml));
    scheduled += book.active_from_us > now_us;
    bytes += book.yaml.size();
    item.books.push_back(std::move(book));
  }
  if (scheduled > kMaxScheduledBooks) {
    return TooMany(absl::StrCat("at most ", kMaxScheduledBooks, " price books may be scheduled"));
  }
  if (bytes > kMaxPricesItemBytes) {
    return TooMany(absl::StrCat("the price book in force and those scheduled may have at most ",
                                kMaxPricesItemBytes, " bytes together, not ", bytes));
  }
  return item;
}

absl::StatusOr<StoredPriceBook> Read(sql::Session& session, int64_t number, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const int64_t in_force, InForce(session, now_us));
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query(
          {"price book", absl::StrCat("SELECT ", kColumns, " FROM price_books WHERE number = $1")},
          {number == 0 ? in_force : number}));
  if (rows.empty()) {
    return number == 0 ? absl::NotFoundError(
                             "no price book was activated: servers run on the one "
                             "they were started with")
                       : absl::NotFoundError(absl::StrCat("there is no price book ", number));
  }
  QP_ASSIGN_OR_RETURN(StoredPriceBook book, RowOf(rows[0]));
  book.state = StateAt(book, in_force, now_us);
  return book;
}

absl::Status CheckTime(std::optional<int64_t> active_from_us, int64_t now_us) {
  if (!active_from_us.has_value()) return absl::OkStatus();
  if (*active_from_us < now_us) {
    return FieldError(
        {{"activate_time", absl::StrCat("must not be before now, ", FormatUtc(now_us))}});
  }
  if (*active_from_us - now_us > kMaxScheduleUs) {
    return FieldError({{"activate_time", "must be at most 366 days ahead"}});
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view PriceBookStateName(PriceBookState state) {
  static constexpr std::array<std::string_view, 4> kNames = {"DRAFT", "SCHEDULED", "ACTIVE",
                                                             "SUPERSEDED"};
  return kNames[static_cast<size_t>(state)];
}

absl::StatusOr<Changed<StoredPriceBook>> PriceBookStore::Create(const OpenChange& change,
                                                                std::string_view yaml) const {
  const absl::StatusOr<std::shared_ptr<const PriceBook>> parsed = ParsePriceBook(yaml, "yaml");
  if (!parsed.ok()) return FieldError({{"yaml", std::string(parsed.status().message())}});
  StoredPriceBook book;
  book.version = (*parsed)->version();
  std::set<std::string_view> models;
  for (const PriceEntry& entry : (*parsed)->entries()) models.insert(entry.model);
  book.models = static_cast<int64_t>(models.size());
  book.yaml = WritePriceBook(**parsed);
  QP_ASSIGN_OR_RETURN(
      const sql::Rows same,
      change.transaction.Query(
          {"price book by version", "SELECT number FROM price_books WHERE version = $1"},
          {book.version}));
  if (!same.empty()) {
    return FieldError({{"yaml", absl::StrCat("version: ", QuoteForMessage(book.version),
                                             " is the name of price book ", same[0][0].integer(),
                                             "; charges refer to it, so choose another")}});
  }
  QP_ASSIGN_OR_RETURN(const sql::Rows last,
                      change.transaction.Query({"last price book",
                                                "SELECT COALESCE(MAX(number), 0) FROM "
                                                "price_books"}));
  book.number = last[0][0].integer() + 1;
  if (book.number > kMaxPriceBooks) {
    return TooMany(absl::StrCat("there are ", kMaxPriceBooks, " price books already"));
  }
  book.author = change.request.actor;
  book.reason = change.request.reason;
  book.created_at_us = change.request.now_us;
  QP_RETURN_IF_ERROR(
      change.transaction
          .Execute({"insert price book",
                    "INSERT INTO price_books (number, version, state, author, reason, "
                    "created_at_us, models, change_number, document) VALUES ($1, $2, 'draft', $3, "
                    "$4, $5, $6, $7, $8)"},
                   {book.number, book.version, book.author, book.reason, book.created_at_us,
                    book.models, change.number, book.yaml})
          .status());
  book.etag = EtagOf(change.number);
  Changed<StoredPriceBook> changed;
  changed.record.target = absl::StrCat("price_book/", book.number);
  changed.record.after = Json(book);
  changed.now = std::move(book);
  return changed;
}

absl::StatusOr<Changed<StoredPriceBook>> PriceBookStore::Activate(
    const OpenChange& change, int64_t number, const std::string& etag,
    std::optional<int64_t> active_from_us) const {
  const int64_t now_us = change.request.now_us;
  if (number < 1) return FieldError({{"number", "must be 1 or more"}});
  QP_RETURN_IF_ERROR(CheckTime(active_from_us, now_us));
  QP_ASSIGN_OR_RETURN(const StoredPriceBook before, Read(change.transaction, number, now_us));
  QP_RETURN_IF_ERROR(CheckEtag(etag, before.etag));
  if (before.state == PriceBookState::kActive) {
    return WrongState("the price book", PriceBookStateName(before.state), "activated");
  }
  QP_RETURN_IF_ERROR(
      change.transaction
          .Execute({"activate price book",
                    "UPDATE price_books SET state = 'activated', active_from_us = $2, "
                    "activated_by = $3, change_number = $4 WHERE number = $1"},
                   {number, active_from_us.value_or(now_us), change.request.actor, change.number})
          .status());
  QP_ASSIGN_OR_RETURN(const PricesItem item, ReadItem(change.transaction, now_us));
  Changed<StoredPriceBook> changed;
  QP_ASSIGN_OR_RETURN(changed.now, Read(change.transaction, number, now_us));
  changed.record.target = absl::StrCat("price_book/", number);
  changed.record.before = Json(before);
  changed.record.after = Json(changed.now);
  changed.record.items.push_back({std::string(kPricesItemName), codec_->EncodePrices(item)});
  return changed;
}

absl::StatusOr<StoredPriceBook> PriceBookStore::Get(sql::Session& session, int64_t number,
                                                    int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(StoredPriceBook book, Read(session, number, now_us));
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"price book's document", "SELECT document FROM price_books WHERE number = $1"},
                    {book.number}));
  if (!rows.empty()) book.yaml = std::string(rows[0][0].text());
  return book;
}

absl::StatusOr<std::vector<StoredPriceBook>> PriceBookStore::List(sql::Session& session,
                                                                  int64_t before, size_t count,
                                                                  int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(const int64_t in_force, InForce(session, now_us));
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"price books", absl::StrCat("SELECT ", kColumns,
                                                 " FROM price_books WHERE $1 = 0 OR number < $1 "
                                                 "ORDER BY number DESC LIMIT $2")},
                    {before, static_cast<int64_t>(count)}));
  std::vector<StoredPriceBook> books;
  for (size_t i = 0; i < rows.size(); ++i) {
    QP_ASSIGN_OR_RETURN(StoredPriceBook book, RowOf(rows[i]));
    book.state = StateAt(book, in_force, now_us);
    books.push_back(std::move(book));
  }
  return books;
}

}  // namespace quotaplane
