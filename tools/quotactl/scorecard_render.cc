#include "tools/quotactl/scorecard_render.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using anomaly::EventKind;
using anomaly::EventScore;
using anomaly::Scorecard;
using terminal::Align;
using terminal::FormatCount;

// -1 without any.
int64_t DelayAt(const EventScore& score, double share) {
  if (score.delays_minutes.empty()) return -1;
  return score.delays_minutes[static_cast<size_t>(
      share * static_cast<double>(score.delays_minutes.size() - 1))];
}

}  // namespace

std::string ScorecardAsText(const Scorecard& card, const terminal::Style& style) {
  terminal::Table events({{"EVENT"},
                          {"HAPPENED", Align::kRight},
                          {"FOUND", Align::kRight},
                          {"IN TIME", Align::kRight},
                          {"RECALL", Align::kRight},
                          {"MEDIAN DELAY", Align::kRight},
                          {"P90", Align::kRight}});
  for (int i = 0; i < anomaly::kEventKinds; ++i) {
    const auto kind = static_cast<EventKind>(i);
    const EventScore& score = card.by_event[i];
    if (kind == EventKind::kMonthEnd || score.events == 0) continue;
    const auto delay = [&](double share) {
      const int64_t minutes = DelayAt(score, share);
      return minutes < 0 ? std::string("-") : absl::StrCat(minutes, " min");
    };
    events.AddRow({std::string(EventKindName(kind)), FormatCount(score.events),
                   FormatCount(score.found), FormatCount(score.in_time),
                   absl::StrFormat("%.3f", card.Recall(kind)), delay(0.5), delay(0.9)});
  }
  terminal::Table facts({{""}, {"", Align::kRight}});
  facts.AddRow({"findings", FormatCount(card.findings)});
  facts.AddRow({"precision", absl::StrFormat("%.3f", card.Precision())});
  facts.AddRow({"false findings", FormatCount(card.false_findings)});
  facts.AddRow(
      {"  of these at a month's end, which is normal", FormatCount(card.false_at_month_end)});
  facts.AddRow(
      {"false findings per scope and month", absl::StrFormat("%.3f", card.FalsePerScopeMonth())});
  facts.AddRow(
      {"findings per scope and week", absl::StrFormat("%.3f", card.FindingsPerScopeWeek())});
  return absl::StrCat(events.Render(style), "\n", facts.Render(style));
}

std::string ScorecardAsJson(const Scorecard& card) {
  nlohmann::ordered_json events;
  for (int i = 0; i < anomaly::kEventKinds; ++i) {
    const auto kind = static_cast<EventKind>(i);
    const EventScore& score = card.by_event[i];
    if (kind == EventKind::kMonthEnd) continue;
    events[std::string(EventKindName(kind))] = {{"events", score.events},
                                                {"found", score.found},
                                                {"in_time", score.in_time},
                                                {"recall", card.Recall(kind)},
                                                {"median_delay_minutes", DelayAt(score, 0.5)},
                                                {"p90_delay_minutes", DelayAt(score, 0.9)}};
  }
  const nlohmann::ordered_json json = {{"events", events},
                                       {"findings", card.findings},
                                       {"precision", card.Precision()},
                                       {"false_findings", card.false_findings},
                                       {"false_at_month_end", card.false_at_month_end},
                                       {"false_per_scope_month", card.FalsePerScopeMonth()},
                                       {"findings_per_scope_week", card.FindingsPerScopeWeek()}};
  return json.dump(2) + "\n";
}

}  // namespace quotaplane::quotactl
