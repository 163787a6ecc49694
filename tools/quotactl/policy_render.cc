#include "tools/quotactl/policy_render.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatAmount;
using terminal::FormatCount;
using terminal::FormatMoney;
using terminal::Style;
using terminal::Table;
using terminal::Tone;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

Tone StateTone(v1::PolicyState state) {
  switch (state) {
    case v1::POLICY_STATE_ACTIVE:
      return Tone::kGood;
    case v1::POLICY_STATE_DRAFT:
      return Tone::kBold;
    default:
      return Tone::kFaint;
  }
}

std::string Unlisted(int64_t unlisted, const char* what) {
  return unlisted == 0 ? "" : absl::StrCat("… and ", FormatCount(unlisted), " more ", what, "\n");
}

std::string Percent(int64_t part, int64_t whole) {
  if (whole <= 0) return "-";
  return absl::StrFormat("%.1f%%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void AddRefusals(const char* kind, const v1::BacktestLimit& limit, Table* table) {
  table->AddRow(
      {Cell(limit.limit_id(), Tone::kBold), kind,
       Cell(FormatCount(limit.refused()), limit.refused() > 0 ? Tone::kBad : Tone::kPlain),
       FormatMoney(limit.refused_cost_nano_usd()), FormatCount(limit.exceeded()),
       FormatCount(limit.scopes_refused()), TimeWords(limit.has_first_time(), limit.first_time())});
}

std::string ScopesOf(const v1::BacktestLimit& limit, const Style& style) {
  if (limit.scopes().empty()) return "";
  Table table({{"SCOPE"}, {"REFUSED", Align::kRight}, {"COST", Align::kRight}, {"FIRST (UTC)"}});
  for (const v1::BacktestScope& scope : limit.scopes()) {
    table.AddRow({scope.scope(), FormatCount(scope.refused()),
                  FormatMoney(scope.refused_cost_nano_usd()),
                  TimeWords(scope.has_first_time(), scope.first_time())});
  }
  return absl::StrCat("\n", style.Paint(Tone::kBold, limit.limit_id()), "\n",
                      table.Render(style, "  "),
                      Unlisted(limit.scopes_refused() - limit.scopes_size(), "scopes"));
}

std::string ListOf(const char* what, const google::protobuf::RepeatedPtrField<std::string>& ids) {
  return ids.empty() ? "" : absl::StrCat(what, absl::StrJoin(ids, ", "), "\n");
}

}  // namespace

std::string TimeWords(bool present, const google::protobuf::Timestamp& time) {
  if (!present) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(time), absl::UTCTimeZone());
}

std::string MoreWords(const std::string& next_page_token) {
  return next_page_token.empty() ? "" : "… and more: give --most a larger number\n";
}

std::string StateWord(v1::PolicyState state) {
  switch (state) {
    case v1::POLICY_STATE_DRAFT:
      return "draft";
    case v1::POLICY_STATE_ACTIVE:
      return "active";
    case v1::POLICY_STATE_SUPERSEDED:
      return "superseded";
    case v1::POLICY_STATE_DISCARDED:
      return "discarded";
    default:
      return "?";
  }
}

std::string ApprovalWords(const v1::PolicyVersion& version) {
  if (version.approvals_needed() == 0 && version.approvals().empty()) return "-";
  if (version.approvals_needed() == 0) return absl::StrCat(version.approvals_size());
  return absl::StrCat(version.approvals_size(), " of ", version.approvals_needed());
}

std::string VersionsAsText(const v1::ListPolicyVersionsResponse& response, const Style& style) {
  if (response.versions().empty()) {
    return "No versions: the org is under the default policy.\n";
  }
  Table table({{"VERSION", Align::kRight},
               {"STATE"},
               {"BASE", Align::kRight},
               {"AUTHOR"},
               {"CREATED (UTC)"},
               {"ACTIVATED (UTC)"},
               {"APPROVALS"},
               {"REASON"}});
  for (const v1::PolicyVersion& version : response.versions()) {
    const bool draft = version.state() == v1::POLICY_STATE_DRAFT;
    table.AddRow({absl::StrCat(version.version()),
                  Cell(StateWord(version.state()), StateTone(version.state())),
                  version.base_version() == 0 ? "-" : absl::StrCat(version.base_version()),
                  version.author(), TimeWords(version.has_create_time(), version.create_time()),
                  TimeWords(version.has_activate_time(), version.activate_time()),
                  draft || version.approvals_size() > 0 ? ApprovalWords(version) : "-",
                  version.reason()});
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string VersionAsText(const v1::PolicyVersion& version, absl::Time now, const Style& style) {
  if (version.version() == 0 && version.author().empty() &&
      version.state() == v1::POLICY_STATE_ACTIVE) {
    return absl::StrCat("The default policy; org ", version.org(), " has no version of its own. ",
                        "Fingerprint ", version.fingerprint(), ".\n");
  }
  if (version.version() == 0) {
    return absl::StrCat(style.Paint(Tone::kGood, "valid"), "; fingerprint ", version.fingerprint(),
                        "\n");
  }
  Table table({{""}, {""}});
  table.AddRow({"state", Cell(StateWord(version.state()), StateTone(version.state()))});
  if (version.base_version() > 0) table.AddRow({"base", absl::StrCat(version.base_version())});
  table.AddRow({"fingerprint", version.fingerprint()});
  table.AddRow({"author", version.author()});
  if (!version.reason().empty()) table.AddRow({"reason", version.reason()});
  table.AddRow({"created", terminal::FormatMoment(TimeOf(version.create_time()), now)});
  if (version.has_activate_time()) {
    table.AddRow(
        {"activated", absl::StrCat(terminal::FormatMoment(TimeOf(version.activate_time()), now),
                                   ", by ", version.activated_by())});
  }
  if (ApprovalWords(version) != "-") table.AddRow({"approvals", ApprovalWords(version)});
  for (const v1::Approval& approval : version.approvals()) {
    const std::string comment =
        approval.comment().empty() ? "" : absl::StrCat(": ", approval.comment());
    table.AddRow({"", absl::StrCat(approval.approver(), comment)});
  }
  return absl::StrCat(style.Paint(Tone::kBold, absl::StrCat("Version ", version.version())), " of ",
                      version.org(), "\n", table.Render(style, "  "));
}

std::string ChangesAsText(const Changes& changes, int64_t unlisted, const Style& style) {
  if (changes.empty()) return "No changes.\n";
  Table table({{""}, {""}, {""}, {""}});
  for (const v1::PolicyChange& change : changes) {
    Cell sign("~", Tone::kWarning);
    std::string what = absl::StrCat(change.before(), " -> ", change.after());
    if (change.kind() == v1::PolicyChange::KIND_ADDED) {
      sign = Cell("+", Tone::kGood);
      what = change.after();
    } else if (change.kind() == v1::PolicyChange::KIND_REMOVED) {
      sign = Cell("-", Tone::kBad);
      what = change.before();
    } else if (change.kind() == v1::PolicyChange::KIND_LEFT) {
      sign = Cell("!", Tone::kBad);
      what = absl::StrCat("stays as it is: ", change.before());
    }
    table.AddRow({sign, change.path(), what, change.counts_anew() ? "(counts anew)" : ""});
  }
  return absl::StrCat(table.Render(style), Unlisted(unlisted, "changes"));
}

std::string PlanAsText(const v1::PlanPolicyResponse& plan, absl::Time now, const Style& style) {
  std::string text = ChangesAsText(plan.changes(), plan.unlisted_changes(), style);
  if (plan.scopes().empty()) {
    absl::StrAppend(&text, "\nNobody who has used anything in the present periods gets another ",
                    "amount.\n");
  } else {
    Table table({{"LIMIT"},
                 {"SCOPE"},
                 {"WINDOW"},
                 {"BEFORE", Align::kRight},
                 {"AFTER", Align::kRight},
                 {"USED", Align::kRight},
                 {"", Align::kRight},
                 {""}});
    for (const v1::PlannedScope& scope : plan.scopes()) {
      const auto amount = [&](int64_t value) { return FormatAmount(scope.unit(), value); };
      table.AddRow({Cell(scope.limit_id(), Tone::kBold), scope.scope(), scope.window(),
                    scope.had_limit() ? amount(scope.amount_before()) : "none",
                    amount(scope.amount_after()), amount(scope.used()),
                    Percent(scope.used(), scope.amount_after()),
                    scope.over_at_once() ? Cell("over at once", Tone::kBad) : Cell("")});
    }
    absl::StrAppend(&text, "\n", table.Render(style), Unlisted(plan.unlisted_scopes(), "scopes"));
  }
  const std::string over = absl::StrCat(FormatCount(plan.over_at_once()), " over at once");
  absl::StrAppend(
      &text, "\n", style.Paint(plan.over_at_once() > 0 ? Tone::kBad : Tone::kGood, over),
      ", as of ", terminal::FormatMoment(TimeOf(plan.as_of_time()), now), "\n",
      ListOf("Used is too little where data was dropped: ", plan.limits_undercounted()));
  return text;
}

std::string BacktestAsText(const v1::BacktestResult& result, const Style& style) {
  std::string text = absl::StrCat(
      TimeWords(result.has_from_time(), result.from_time()), " to ",
      TimeWords(result.has_to_time(), result.to_time()), " UTC: ", FormatCount(result.charges()),
      " charges, ", FormatMoney(result.cost_nano_usd()), "\n",
      style.Paint(Tone::kBold, absl::StrCat(FormatCount(result.refused()), " refused (",
                                            Percent(result.refused(), result.charges()), ")")),
      ", which cost ", FormatMoney(result.refused_cost_nano_usd()), "; ",
      FormatCount(result.users_refused()), " users\n");
  Table table({{"LIMIT"},
               {"KIND"},
               {"REFUSED", Align::kRight},
               {"COST", Align::kRight},
               {"EXCEEDED", Align::kRight},
               {"SCOPES", Align::kRight},
               {"FIRST (UTC)"}});
  for (const v1::BacktestLimit& limit : result.limits()) AddRefusals("limit", limit, &table);
  for (const v1::BacktestLimit& rule : result.model_rules()) AddRefusals("models", rule, &table);
  if (!table.empty()) absl::StrAppend(&text, "\n", table.Render(style));
  for (const v1::BacktestLimit& limit : result.limits()) {
    absl::StrAppend(&text, ScopesOf(limit, style));
  }
  for (const v1::BacktestLimit& rule : result.model_rules()) {
    absl::StrAppend(&text, ScopesOf(rule, style));
  }
  absl::StrAppend(
      &text, ListOf("\nNot replayed (concurrency): ", result.limits_not_replayed()),
      ListOf("\nRefused too little, where data was dropped: ", result.limits_undercounted()));
  return text;
}

std::string LimitsAsText(const Limits& limits, absl::Time now, const Style& style) {
  if (limits.empty()) return "No limit applies.\n";
  Table table({{"LIMIT"},
               {"SCOPE"},
               {"UNIT"},
               {"AMOUNT", Align::kRight},
               {"WINDOW"},
               {"ON EXCEED"},
               {"FROM"},
               {"UNTIL"}});
  for (const v1::EffectiveLimit& limit : limits) {
    table.AddRow({Cell(limit.limit_id(), Tone::kBold), limit.scope(), limit.unit(),
                  FormatAmount(limit.unit(), limit.amount()), limit.window(), limit.on_exceed(),
                  limit.source(),
                  limit.has_until_time() ? terminal::FormatMoment(TimeOf(limit.until_time()), now)
                                         : std::string()});
  }
  return table.Render(style);
}

}  // namespace quotaplane::quotactl
