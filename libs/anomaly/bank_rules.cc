#include "libs/anomaly/bank_impl.h"

namespace quotaplane::anomaly {
namespace {

// The floor is what a quarter of an hour must be worth; longer windows more.
constexpr int kFloorMinutes = 15;
constexpr int kShiftWindow = 15;
constexpr int kDropWindow = 5;
constexpr double kDropShare = 0.1;
// A person who is away for an hour is no news, though no tail above zero says so: what does not
// come can only be so far below what is expected.
constexpr double kDropSurcharge = 0.6;
// How rare the sum of each of kWindows must be. A month has 43,200 minutes; what is told besides is
// worth money, which most of the rare minutes are not.
constexpr std::array<double, kWindows.size()> kBars = {
    kAlarmSurprise, kAlarmSurprise, 4.4, 4.6, 4.35, 4.15};
// Until a week was seen, only what is this much rarer is told.
constexpr int64_t kWeekHours = 168;
constexpr double kYoungSurcharge = 1.5;
// A drop is told after the first weekend and the Monday after it.
constexpr uint32_t kDropHours = 192;
// Of a wide scope's difference, what a narrow one's finding must explain.
constexpr double kExplains = 0.7;
constexpr double kUnusualShare = 0.05;
constexpr int kUnusualWeeks = 2;
constexpr int64_t kUnusualFloors = 2;
// Somebody new is told from so many floors within an hour.
constexpr int64_t kNewFloors = 4;
constexpr double kPatternSlack = 1.5;

}  // namespace

// Of the windows that are rare enough and worth a finding, the one that is furthest above its bar:
// the rarest of all may be too short to be worth one, and hides no other.
std::optional<SeriesBank::Impl::Candidate> SeriesBank::Impl::Look(const Scope& scope, Metric metric,
                                                                  const Judgement& judgement,
                                                                  int minute_of_week) const {
  std::optional<Candidate> best;
  if (!judgement.ready) return best;
  for (size_t which = 0; which < kWindows.size(); ++which) {
    std::optional<Candidate> candidate =
        LookAtWindow(scope, metric, which, judgement.windows[which], minute_of_week);
    if (!candidate.has_value() || (best.has_value() && best->margin >= candidate->margin)) continue;
    best = std::move(candidate);
  }
  return best;
}

std::optional<SeriesBank::Impl::Candidate> SeriesBank::Impl::LookAtWindow(
    const Scope& scope, Metric metric, size_t which, const WindowJudgement& judgement,
    int minute_of_week) const {
  const SeriesDetector* detector = scope.detectors[static_cast<size_t>(metric)].get();
  if (detector == nullptr) return std::nullopt;
  const double bar = kBars[which] + (detector->hours() < kWeekHours ? kYoungSurcharge : 0);
  if (judgement.surprise < bar) return std::nullopt;
  const bool rise = judgement.actual > judgement.expected;
  const int window = kWindows[which];
  Candidate candidate;
  candidate.margin = judgement.surprise - bar;
  Finding& finding = candidate.finding;
  const double difference = std::abs(judgement.actual - judgement.expected) * window;
  if (metric == Metric::kCost) {
    finding.difference_nano_usd = Round(difference);
  } else if (metric != Metric::kRefusals && rise) {
    // What the calls beyond the expected ones cost, at the window's own price.
    double cost = 0;
    for (int i = 0; i < window; ++i) cost += scope.costs[(last_minute_ + 60 - i) % 60];
    finding.difference_nano_usd =
        Round(cost * (1 - std::max(judgement.expected, 0.0) / judgement.actual));
  }
  const double times = std::max(1.0, static_cast<double>(window) / kFloorMinutes);
  const bool worth =
      metric == Metric::kRefusals
          ? rise && difference >= static_cast<double>(options_.floor_refusals) * times
          : static_cast<double>(finding.difference_nano_usd) >=
                static_cast<double>(options_.floor_nano_usd) * times;
  if (!worth) return std::nullopt;
  if (!rise) {
    // Less is told only where it is next to nothing, and only in money.
    if (metric != Metric::kCost || window < kDropWindow || detector->hours() < kDropHours ||
        candidate.margin < kDropSurcharge || judgement.actual > kDropShare * judgement.expected) {
      return std::nullopt;
    }
    finding.kind = FindingKind::kDrop;
  } else {
    finding.kind = window >= kShiftWindow ? FindingKind::kShift : FindingKind::kSpike;
    const bool unusual = detector->WeeksAt(minute_of_week) > 0 &&
                         detector->UsualAt(minute_of_week) < kUnusualShare * judgement.actual;
    if (unusual && metric != Metric::kRefusals) finding.kind = FindingKind::kUnusualHours;
  }
  finding.metric = metric;
  finding.expected = Round(judgement.expected * window);
  finding.actual = Round(judgement.actual * window);
  finding.window_us = window * kMinuteUs;
  finding.score = judgement.surprise / (judgement.surprise + kAlarmSurprise);
  candidate.ratio = judgement.actual / std::max(judgement.expected, 1e-9);
  return candidate;
}

// A person's silent hours say nothing of how rare a call is (their residuals are all zero), so this
// is a rule of its own: next to nothing at this hour in two weeks, and now a lot.
std::optional<SeriesBank::Impl::Candidate> SeriesBank::Impl::LookAtHours(const ScopeKey& key,
                                                                         const Scope& scope,
                                                                         int minute_of_week) const {
  const auto& detector = scope.detectors[static_cast<size_t>(Metric::kCost)];
  if (key.kind != ScopeKind::kUser || detector == nullptr ||
      detector->hours() < options_.min_history_hours ||
      detector->WeeksAt(minute_of_week) < kUnusualWeeks) {
    return std::nullopt;
  }
  double spent = 0;
  for (int i = 0; i < kFloorMinutes; ++i) spent += scope.costs[(last_minute_ + 60 - i) % 60];
  const double usual = std::max(0.0, detector->UsualAt(minute_of_week)) * kFloorMinutes;
  if (spent < static_cast<double>(kUnusualFloors * options_.floor_nano_usd) ||
      usual >= kUnusualShare * spent) {
    return std::nullopt;
  }
  Candidate candidate;
  candidate.finding = {.kind = FindingKind::kUnusualHours,
                       .metric = Metric::kCost,
                       .expected = Round(usual),
                       .actual = Round(spent),
                       .window_us = kFloorMinutes * kMinuteUs,
                       .difference_nano_usd = Round(spent - usual),
                       .score = 0.5};
  candidate.ratio = spent / std::max(usual, 1.0);
  return candidate;
}

std::optional<SeriesBank::Impl::Candidate> SeriesBank::Impl::LookAtNew(const ScopeKey& key,
                                                                       Scope& scope,
                                                                       int64_t minute) const {
  if ((key.kind != ScopeKind::kUser && key.kind != ScopeKind::kModel) || scope.told_new) {
    return std::nullopt;
  }
  // New: less than a day old, in an org that is known for longer.
  if (minute - scope.first_minute >= kDay) {
    scope.told_new = true;
    return std::nullopt;
  }
  const auto org = scopes_.find({key.org, ScopeKind::kOrg, key.org});
  if (org == scopes_.end() || minute - org->second.first_minute < options_.min_history_hours * 60) {
    scope.told_new = true;
    return std::nullopt;
  }
  double spent = 0;
  for (const float cost : scope.costs) spent += cost;
  if (spent < static_cast<double>(kNewFloors * options_.floor_nano_usd)) return std::nullopt;
  scope.told_new = true;
  Candidate candidate;
  candidate.finding = {.kind = FindingKind::kNewSpender,
                       .metric = Metric::kCost,
                       .actual = Round(spent),
                       .window_us = 60 * kMinuteUs,
                       .difference_nano_usd = Round(spent),
                       .score = 0.5};
  candidate.ratio = 1e9;
  return candidate;
}

bool SeriesBank::Impl::IsKnown(const Scope& scope, const Candidate& candidate, int64_t minute,
                               int minute_of_week) const {
  const int hour = minute_of_week / 60 % 24;
  return std::any_of(scope.patterns.begin(), scope.patterns.end(), [&](const KnownPattern& known) {
    const int apart = std::abs(known.hour_of_day - hour);
    return minute < known.until_minute && std::min(apart, 24 - apart) <= 1 &&
           (candidate.ratio >= 1) == (known.ratio >= 1) &&
           (known.ratio < 1 || candidate.ratio <= kPatternSlack * known.ratio);
  });
}

bool SeriesBank::Impl::IsExplained(const ScopeKey& key, const Candidate& candidate) const {
  if (candidate.ratio < 1) return false;
  const double most =
      kExplains * static_cast<double>(candidate.finding.actual - candidate.finding.expected);
  for (const Contributor& part : Contributors(key, candidate, last_minute_of_week_)) {
    if (static_cast<double>(part.actual - part.expected) < most) continue;
    if (part.dimension == ScopeKind::kSession && runaways_.contains({key.org, part.value})) {
      return true;
    }
    const auto scope = scopes_.find({key.org, part.dimension, part.value});
    if (part.dimension != ScopeKind::kUser || scope == scopes_.end()) continue;
    // What was said to be expected of a user is not told of her team either.
    Candidate hers;
    hers.ratio =
        static_cast<double>(part.actual) / static_cast<double>(std::max<int64_t>(part.expected, 1));
    if (scope->second.open.has_value() ||
        IsKnown(scope->second, hers, last_minute_, last_minute_of_week_)) {
      return true;
    }
  }
  return false;
}

std::vector<Contributor> SeriesBank::Impl::Contributors(const ScopeKey& key,
                                                        const Candidate& candidate,
                                                        int minute_of_week) const {
  const Finding& finding = candidate.finding;
  const int64_t window = finding.window_us / kMinuteUs;
  std::vector<Contributor> parts =
      recent_.Within(key.org, key.kind, key.value, finding.metric, static_cast<size_t>(window));
  for (Contributor& part : parts) {
    const auto scope = scopes_.find({key.org, part.dimension, part.value});
    if (scope == scopes_.end() || scope->second.first_minute + 60 > last_minute_) continue;
    const auto& detector = scope->second.detectors[static_cast<size_t>(finding.metric)];
    if (detector == nullptr) continue;
    // What it is expected to be anywhere, but no more than was expected here.
    const double anywhere =
        std::max(0.0, detector->UsualAt(minute_of_week)) * static_cast<double>(window);
    part.expected = std::min(Round(anywhere), finding.expected);
  }
  std::sort(parts.begin(), parts.end(), [](const Contributor& a, const Contributor& b) {
    return std::abs(a.actual - a.expected) > std::abs(b.actual - b.expected);
  });
  if (parts.size() > kMaxContributors) parts.resize(kMaxContributors);
  return parts;
}

}  // namespace quotaplane::anomaly
