#include "tools/quotactl/alert_render.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/quotactl/alert_words.h"
#include "tools/quotactl/policy_render.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatAmount;
using terminal::FormatCount;
using terminal::FormatMoment;
using terminal::OneLine;
using terminal::Style;
using terminal::Table;
using terminal::Tone;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string ByAndWhen(const std::string& who, const google::protobuf::Timestamp& when,
                      absl::Time now) {
  return absl::StrCat(OneLine(who), ", ", FormatMoment(TimeOf(when), now));
}

// When it last changed, as far as it says so.
google::protobuf::Timestamp ChangeTime(const v1::Alert& alert) {
  google::protobuf::Timestamp last = alert.last_seen_time();
  for (const auto* time : {&alert.acknowledge_time(), &alert.resolve_time()}) {
    if (TimeOf(*time) > TimeOf(last)) last = *time;
  }
  return last;
}

// What came, against the limit, or else against what was expected.
std::string CameWords(const v1::Alert& alert) {
  const std::string came = AmountWords(alert, alert.actual());
  const auto actual = static_cast<double>(alert.actual());
  if (alert.amount() > 0) {
    return absl::StrFormat("%s, %.1f%% of the limit", came,
                           100 * actual / static_cast<double>(alert.amount()));
  }
  if (alert.expected() > 0 && alert.actual() > alert.expected()) {
    return absl::StrFormat("%s, %.1f times as much", came,
                           actual / static_cast<double>(alert.expected()));
  }
  return came;
}

void AddAmounts(const v1::Alert& alert, Table* table) {
  if (alert.has_expected()) table->AddRow({"expected", AmountWords(alert, alert.expected())});
  if (alert.has_actual()) table->AddRow({"came", Cell(CameWords(alert), Tone::kBold)});
  if (alert.has_amount()) table->AddRow({"limit", AmountWords(alert, alert.amount())});
}

// With when it ends, or did.
Cell ActionCell(const v1::AlertAction& action, absl::Time now) {
  const std::string present = ActionWords(action);
  if (!action.ended()) {
    if (!action.has_start_time()) return Cell(present, Tone::kWarning);
    return Cell(absl::StrCat(present, " UTC, in force for ",
                             terminal::FormatSpan(now - TimeOf(action.start_time()))),
                Tone::kBad);
  }
  v1::AlertAction then = action;
  then.set_ended(false);
  if (!action.has_start_time()) {
    return Cell(absl::StrCat("was ", ActionWords(then), ", and never was"), Tone::kFaint);
  }
  return Cell(absl::StrCat("was ", ActionWords(then), " UTC"), Tone::kFaint);
}

void AddWhatWasDone(const v1::Alert& alert, absl::Time now, Table* table) {
  if (alert.action().kind() != v1::AlertAction::KIND_UNSPECIFIED) {
    table->AddRow({"action", ActionCell(alert.action(), now)});
  }
  if (!alert.acknowledged_by().empty()) {
    table->AddRow(
        {"acknowledged", ByAndWhen(alert.acknowledged_by(), alert.acknowledge_time(), now)});
  }
  if (alert.has_resolve_time()) {
    table->AddRow({"resolved", FormatMoment(TimeOf(alert.resolve_time()), now)});
  }
  if (!alert.comment().empty()) table->AddRow({"comment", OneLine(alert.comment())});
  if (alert.feedback() != v1::ALERT_FEEDBACK_UNSPECIFIED) {
    table->AddRow(
        {"feedback", absl::StrCat(Word(alert.feedback()), ", by ", OneLine(alert.feedback_by()))});
  }
}

std::string ContributorsAsText(const v1::Alert& alert, const Style& style) {
  if (alert.contributors().empty()) return "";
  Table table({{"DIMENSION"},
               {"VALUE"},
               {"EXPECTED", Align::kRight},
               {"CAME", Align::kRight},
               {"DIFFERENCE", Align::kRight}});
  for (const v1::Contributor& contributor : alert.contributors()) {
    const int64_t difference = contributor.actual() - contributor.expected();
    table.AddRow({contributor.dimension(), Cell(OneLine(contributor.value()), Tone::kBold),
                  FormatAmount(alert.unit(), contributor.expected()),
                  FormatAmount(alert.unit(), contributor.actual()),
                  absl::StrCat(difference > 0 ? "+" : "", FormatAmount(alert.unit(), difference))});
  }
  return absl::StrCat("\nWho made the difference:\n", table.Render(style, "  "));
}

std::string DimensionWords(const v1::Alert& alert) {
  const std::map<std::string, std::string> sorted(alert.dimensions().begin(),
                                                  alert.dimensions().end());
  return OneLine(absl::StrJoin(sorted, ", ", absl::PairFormatter("=")));
}

}  // namespace

std::string AlertsAsText(const v1::ListAlertsResponse& response, const Style& style) {
  if (response.alerts().empty()) return "";
  const bool acts =
      std::any_of(response.alerts().begin(), response.alerts().end(),
                  [](const v1::Alert& alert) { return !ActionWords(alert.action()).empty(); });
  std::vector<terminal::Column> columns = {{"ALERT"}, {"STATE"},           {"SEVERITY"},
                                           {"KIND"},  {"LAST SEEN (UTC)"}, {"SCOPE"}};
  if (acts) columns.push_back({"ACTION (UTC)"});
  columns.push_back({"SUMMARY"});
  Table table(columns);
  for (const v1::Alert& alert : response.alerts()) {
    std::vector<Cell> cells = {Cell(alert.alert_id(), Tone::kBold),
                               Cell(Word(alert.state()), ToneOf(alert.state())),
                               Cell(Word(alert.severity()), ToneOf(alert.severity())),
                               Word(alert.kind()),
                               TimeWords(alert.has_last_seen_time(), alert.last_seen_time()),
                               OneLine(alert.scope())};
    if (acts) cells.emplace_back(ActionWords(alert.action()), Tone::kBad);
    cells.emplace_back(OneLine(alert.summary()));
    table.AddRow(std::move(cells));
  }
  return absl::StrCat(table.Render(style), MoreWords(response.next_page_token()));
}

std::string AlertAsText(const v1::Alert& alert, absl::Time now, const Style& style) {
  Table table({{""}, {""}});
  table.AddRow({"state", Cell(Word(alert.state()), ToneOf(alert.state()))});
  table.AddRow({"severity", Cell(Word(alert.severity()), ToneOf(alert.severity()))});
  table.AddRow({"kind", Word(alert.kind())});
  table.AddRow({"rule", OneLine(alert.rule_id())});
  if (!alert.scope().empty()) table.AddRow({"scope", OneLine(alert.scope())});
  if (!alert.dimensions().empty()) table.AddRow({"dimensions", DimensionWords(alert)});
  AddAmounts(alert, &table);
  table.AddRow({"first seen", FormatMoment(TimeOf(alert.first_seen_time()), now)});
  const std::string times =
      alert.occurrences() > 1 ? absl::StrCat(", ", FormatCount(alert.occurrences()), " times") : "";
  table.AddRow(
      {"last seen", absl::StrCat(FormatMoment(TimeOf(alert.last_seen_time()), now), times)});
  AddWhatWasDone(alert, now, &table);
  return absl::StrCat(style.Paint(Tone::kBold, absl::StrCat("Alert ", alert.alert_id())), " of ",
                      alert.org().empty() ? "the deployment" : alert.org(), ": ",
                      OneLine(alert.summary()), "\n", table.Render(style, "  "),
                      ContributorsAsText(alert, style));
}

std::string AlertLine(const v1::Alert& alert, const Style& style) {
  // As wide as the longest word of each.
  const auto padded = [&](Tone tone, const std::string& word, size_t width) {
    return absl::StrCat(style.Paint(tone, word),
                        std::string(word.size() < width ? width - word.size() : 0, ' '));
  };
  const std::string action = ActionWords(alert.action());
  return absl::StrCat(
      TimeWords(true, ChangeTime(alert)), "  ", padded(Tone::kBold, alert.alert_id(), 6), "  ",
      padded(ToneOf(alert.state()), Word(alert.state()), 12), "  ",
      padded(ToneOf(alert.severity()), Word(alert.severity()), 8), "  ",
      padded(Tone::kPlain, Word(alert.kind()), 10), "  ",
      alert.scope().empty() ? "" : absl::StrCat(OneLine(alert.scope()), "  "),
      OneLine(alert.summary()),
      action.empty() ? "" : style.Paint(Tone::kBad, absl::StrCat("  [", action, "]")), "\n");
}

}  // namespace quotaplane::quotactl
