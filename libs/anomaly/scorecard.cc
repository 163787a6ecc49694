#include "libs/anomaly/scorecard.h"

#include <algorithm>
#include <cmath>

#include "libs/anomaly/season.h"
#include "libs/base/status_macros.h"

namespace quotaplane::anomaly {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kDay = 24 * 60;
// What is said of an event may come late, and its end is news of a kind too.
constexpr int64_t kAfterMinutes = 60;

// A finding of a minute is said when the minute is over: a delay of two minutes is the second one.
int64_t LatestMinute(const SimulatedEvent& event) {
  switch (event.kind) {
    case EventKind::kSpike:
      return event.begin_minute + 2;
    case EventKind::kShift:
      return event.begin_minute + 60;
    default:
      return event.end_minute;
  }
}

bool Covers(const Simulator& company, const SimulatedEvent& event, const Finding& finding,
            int64_t minute) {
  return minute >= event.begin_minute && minute < event.end_minute + kAfterMinutes &&
         company.Related(event.scope, event.value, finding.scope, finding.value);
}

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double Scorecard::Recall(EventKind kind) const {
  const EventScore& score = by_event[static_cast<size_t>(kind)];
  return Share(score.in_time, score.events);
}
double Scorecard::Precision() const { return Share(true_findings, findings); }
double Scorecard::FalsePerScopeMonth() const {
  return scope_months == 0 ? 0 : static_cast<double>(false_findings) / scope_months;
}
double Scorecard::FindingsPerScopeWeek() const {
  return scope_weeks == 0 ? 0 : static_cast<double>(findings) / scope_weeks;
}

void Scorecard::Add(const Scorecard& other) {
  for (int i = 0; i < kEventKinds; ++i) {
    by_event[i].events += other.by_event[i].events;
    by_event[i].found += other.by_event[i].found;
    by_event[i].in_time += other.by_event[i].in_time;
    std::vector<int64_t>& delays = by_event[i].delays_minutes;
    delays.insert(delays.end(), other.by_event[i].delays_minutes.begin(),
                  other.by_event[i].delays_minutes.end());
    std::sort(delays.begin(), delays.end());
  }
  findings += other.findings;
  true_findings += other.true_findings;
  false_findings += other.false_findings;
  false_at_month_end += other.false_at_month_end;
  scope_months += other.scope_months;
  scope_weeks += other.scope_weeks;
}

absl::StatusOr<Scorecard> Judge(const JudgeOptions& options) {
  Simulator company(options.company);
  BankOptions bank_options;
  bank_options.floor_nano_usd =
      std::llround(options.floor_share * static_cast<double>(options.company.floor_nano_usd));
  SeriesBank bank(bank_options);
  const int64_t learning = options.company.learning_weeks * 7 * kDay;
  Scorecard card;
  // When each event was first spoken of; -1: not yet.
  std::vector<int64_t> first(company.events().size(), -1);
  for (int64_t minute = 0; minute < company.minutes(); ++minute) {
    QP_ASSIGN_OR_RETURN(const std::vector<Finding> findings,
                        bank.Add(Simulator::kStartUs + minute * kMinuteUs,
                                 static_cast<int>(minute % kMinutesPerWeek), company.Next()));
    if (minute < learning) continue;
    for (const Finding& finding : findings) {
      if (finding.over) continue;
      ++card.findings;
      bool is_true = false, at_month_end = false;
      for (size_t i = 0; i < first.size(); ++i) {
        const SimulatedEvent& event = company.events()[i];
        if (!Covers(company, event, finding, minute)) continue;
        if (event.to_be_found) is_true = true;
        at_month_end = at_month_end || !event.to_be_found;
        if (first[i] < 0) first[i] = minute;
      }
      ++(is_true ? card.true_findings : card.false_findings);
      if (!is_true && at_month_end) ++card.false_at_month_end;
    }
  }
  for (size_t i = 0; i < first.size(); ++i) {
    const SimulatedEvent& event = company.events()[i];
    EventScore& score = card.by_event[static_cast<size_t>(event.kind)];
    ++score.events;
    if (first[i] < 0 || first[i] >= event.end_minute) continue;
    ++score.found;
    if (first[i] < LatestMinute(event)) ++score.in_time;
    score.delays_minutes.push_back(first[i] - event.begin_minute + 1);
  }
  for (EventScore& score : card.by_event) {
    std::sort(score.delays_minutes.begin(), score.delays_minutes.end());
  }
  const auto days = static_cast<double>(options.company.judged_weeks * 7);
  const auto scopes = static_cast<double>(bank.Stats().scopes);
  card.scope_months = scopes * days / 30;
  card.scope_weeks = scopes * days / 7;
  return card;
}

}  // namespace quotaplane::anomaly
