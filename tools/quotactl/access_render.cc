#include "tools/quotactl/access_render.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/policy_render.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatCount;
using terminal::Style;
using terminal::Table;
using terminal::Tone;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

Tone ToneOf(v1::ExceptionState state) {
  switch (state) {
    case v1::EXCEPTION_STATE_ACTIVE:
      return Tone::kGood;
    case v1::EXCEPTION_STATE_REQUESTED:
    case v1::EXCEPTION_STATE_SCHEDULED:
      return Tone::kBold;
    default:
      return Tone::kFaint;
  }
}

Tone ToneOf(v1::KeyState state) {
  return state == v1::KEY_STATE_ACTIVE ? Tone::kGood : Tone::kFaint;
}

std::string RaiseWords(const v1::LimitRaise& raise, const LimitUnits& units) {
  const auto found = units.find(raise.limit_id());
  const std::string unit = found == units.end() ? "" : found->second;
  return absl::StrCat(raise.limit_id(), " to ", terminal::FormatAmount(unit, raise.amount()));
}

std::string RaiseWords(const v1::Exception& exception, const LimitUnits& units) {
  return absl::StrJoin(exception.raises(), ", ",
                       [&](std::string* out, const v1::LimitRaise& raise) {
                         absl::StrAppend(out, RaiseWords(raise, units));
                       });
}

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

std::string WhoseWords(const v1::Key& key) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) parts.push_back(absl::StrCat(name, "=", value));
  };
  add("team", key.team());
  add("project", key.project());
  add("user", key.user());
  return parts.empty() ? "the whole org" : absl::StrJoin(parts, ", ");
}

std::string ByAndWhen(const std::string& who, const google::protobuf::Timestamp& when,
                      absl::Time now) {
  return absl::StrCat(who, ", ", terminal::FormatMoment(TimeOf(when), now));
}

}  // namespace

std::string StateWord(v1::ExceptionState state) {
  switch (state) {
    case v1::EXCEPTION_STATE_REQUESTED:
      return "requested";
    case v1::EXCEPTION_STATE_DENIED:
      return "denied";
    case v1::EXCEPTION_STATE_SCHEDULED:
      return "scheduled";
    case v1::EXCEPTION_STATE_ACTIVE:
      return "active";
    case v1::EXCEPTION_STATE_EXPIRED:
      return "expired";
    case v1::EXCEPTION_STATE_REVOKED:
      return "revoked";
    default:
      return "?";
  }
}

std::string StateWord(v1::KeyState state) {
  switch (state) {
    case v1::KEY_STATE_ACTIVE:
      return "active";
    case v1::KEY_STATE_EXPIRED:
      return "expired";
    case v1::KEY_STATE_REVOKED:
      return "revoked";
    default:
      return "?";
  }
}

std::string StateWord(v1::PriceBookState state) {
  switch (state) {
    case v1::PRICE_BOOK_STATE_DRAFT:
      return "draft";
    case v1::PRICE_BOOK_STATE_SCHEDULED:
      return "scheduled";
    case v1::PRICE_BOOK_STATE_ACTIVE:
      return "active";
    case v1::PRICE_BOOK_STATE_SUPERSEDED:
      return "superseded";
    default:
      return "?";
  }
}

std::string ExceptionsAsText(const v1::ListExceptionsResponse& response, const LimitUnits& units,
                             const Style& style) {
  if (response.exceptions().empty()) return "No exceptions.\n";
  Table table({{"EXCEPTION"},
               {"STATE"},
               {"SCOPE"},
               {"RAISES"},
               {"FROM (UTC)"},
               {"UNTIL (UTC)"},
               {"REQUESTER"},
               {"REASON"}});
  for (const v1::Exception& exception : response.exceptions()) {
    table.AddRow(
        {exception.exception_id(), Cell(StateWord(exception.state()), ToneOf(exception.state())),
         ScopeWords(exception.scope()), RaiseWords(exception, units),
         TimeWords(exception.has_start_time(), exception.start_time()),
         TimeWords(true, exception.end_time()), exception.requester(), exception.reason()});
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string ExceptionAsText(const v1::Exception& exception, const LimitUnits& units, absl::Time now,
                            const Style& style) {
  Table table({{""}, {""}});
  table.AddRow({"state", Cell(StateWord(exception.state()), ToneOf(exception.state()))});
  table.AddRow({"scope", ScopeWords(exception.scope())});
  for (const v1::LimitRaise& raise : exception.raises()) {
    table.AddRow({"raise", RaiseWords(raise, units)});
  }
  if (exception.has_start_time()) {
    table.AddRow({"from", terminal::FormatMoment(TimeOf(exception.start_time()), now)});
  }
  table.AddRow({"until", terminal::FormatMoment(TimeOf(exception.end_time()), now)});
  table.AddRow({"reason", exception.reason()});
  table.AddRow({"requested", ByAndWhen(exception.requester(), exception.request_time(), now)});
  if (exception.has_decide_time()) {
    const bool denied = exception.state() == v1::EXCEPTION_STATE_DENIED;
    table.AddRow({denied ? "denied" : "approved",
                  ByAndWhen(exception.decider(), exception.decide_time(), now)});
    if (!exception.decide_comment().empty()) {
      table.AddRow({"comment", exception.decide_comment()});
    }
  }
  if (exception.has_revoke_time()) {
    table.AddRow({"revoked", ByAndWhen(exception.revoked_by(), exception.revoke_time(), now)});
  }
  return absl::StrCat(
      style.Paint(Tone::kBold, absl::StrCat("Exception ", exception.exception_id())), " of ",
      exception.org(), "\n", table.Render(style, "  "));
}

std::string KeysAsText(const v1::ListKeysResponse& response, const Style& style) {
  if (response.keys().empty()) return "No keys.\n";
  Table table(
      {{"KEY"}, {"STATE"}, {"NAME"}, {"STANDS FOR"}, {"MODELS"}, {"EXPIRES (UTC)"}, {"AUTHOR"}});
  for (const v1::Key& key : response.keys()) {
    table.AddRow({key.key_id(), Cell(StateWord(key.state()), ToneOf(key.state())),
                  key.display_name(), WhoseWords(key), Or(absl::StrJoin(key.models(), ", "), "all"),
                  TimeWords(key.has_expire_time(), key.expire_time()), key.author()});
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string KeyAsText(const v1::Key& key, absl::Time now, const Style& style) {
  Table table({{""}, {""}});
  table.AddRow({"state", Cell(StateWord(key.state()), ToneOf(key.state()))});
  if (!key.display_name().empty()) table.AddRow({"name", key.display_name()});
  table.AddRow({"stands for", WhoseWords(key)});
  table.AddRow({"models", Or(absl::StrJoin(key.models(), ", "), "all")});
  table.AddRow({"expires", key.has_expire_time()
                               ? terminal::FormatMoment(TimeOf(key.expire_time()), now)
                               : "never"});
  table.AddRow({"created", ByAndWhen(key.author(), key.create_time(), now)});
  if (key.has_rotate_time()) {
    table.AddRow({"rotated", terminal::FormatMoment(TimeOf(key.rotate_time()), now)});
  }
  if (key.has_previous_until_time()) {
    table.AddRow(
        {"old secret until", terminal::FormatMoment(TimeOf(key.previous_until_time()), now)});
  }
  if (key.has_revoke_time()) {
    table.AddRow({"revoked", ByAndWhen(key.revoked_by(), key.revoke_time(), now)});
  }
  return absl::StrCat(style.Paint(Tone::kBold, absl::StrCat("Key ", key.key_id())), " of ",
                      key.org(), "\n", table.Render(style, "  "));
}

std::string PriceBooksAsText(const v1::ListPriceBooksResponse& response, const Style& style) {
  if (response.price_books().empty()) {
    return "No price books: servers use the one that they were started with.\n";
  }
  Table table({{"NUMBER", Align::kRight},
               {"VERSION"},
               {"STATE"},
               {"MODELS", Align::kRight},
               {"FROM (UTC)"},
               {"AUTHOR"},
               {"REASON"}});
  for (const v1::PriceBookVersion& book : response.price_books()) {
    const bool active = book.state() == v1::PRICE_BOOK_STATE_ACTIVE;
    table.AddRow({absl::StrCat(book.number()), book.version(),
                  Cell(StateWord(book.state()), active ? Tone::kGood : Tone::kPlain),
                  FormatCount(book.models()),
                  TimeWords(book.has_activate_time(), book.activate_time()), book.author(),
                  book.reason()});
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string PriceBookAsText(const v1::PriceBookVersion& book, absl::Time now) {
  std::string text = absl::StrCat(
      "Price book ", book.number(), " (", book.version(), ", ", FormatCount(book.models()),
      book.models() == 1 ? " model): " : " models): ", StateWord(book.state()));
  if (book.has_activate_time()) {
    absl::StrAppend(&text, " from ", terminal::FormatMoment(TimeOf(book.activate_time()), now));
  }
  return absl::StrCat(text, "\n");
}

std::string AuditAsText(const AuditRows& rows, const Style& style) {
  if (rows.empty()) return "No rows.\n";
  Table table({{"ROW", Align::kRight},
               {"TIME (UTC)"},
               {"ACTOR"},
               {"ACTION"},
               {"TARGET"},
               {"OUTCOME"},
               {"REASON"},
               {"ADDRESS"}});
  for (const v1::AuditRow& row : rows) {
    table.AddRow({absl::StrCat(row.number()), TimeWords(row.has_time(), row.time()), row.actor(),
                  Cell(row.action(), Tone::kBold), row.target(),
                  Cell(row.outcome(), row.outcome() == "OK" ? Tone::kPlain : Tone::kBad),
                  row.reason(), row.address()});
  }
  return table.Render(style);
}

}  // namespace quotaplane::quotactl
