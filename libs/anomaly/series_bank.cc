#include "libs/anomaly/series_bank.h"

#include "absl/strings/str_cat.h"
#include "libs/anomaly/bank_impl.h"
#include "libs/anomaly/state_codec.h"
#include "libs/base/hash.h"
#include "libs/base/status_macros.h"

namespace quotaplane::anomaly {
namespace {

constexpr uint64_t kStateVersion = 0x5150'414E'0002;  // "QPAN", 2
// A finding is over after so many minutes that are less rare than this.
constexpr double kCalmSurprise = 2;
constexpr int kCalmMinutes = 30;
constexpr int64_t kLongestFinding = kDay;
constexpr int64_t kLearntMinutes = 5;
// What came still, for it to be the new normal.
constexpr double kAcceptedRatio = 1.5;
constexpr int kAcceptedMinutes = 15;
constexpr int64_t kPatternMinutes = 40 * kDay;
constexpr int64_t kRememberMinutes = 8 * kDay;
constexpr size_t kMaxRemembered = 256;
constexpr int64_t kGapMinutes = 60;

}  // namespace

absl::Status SeriesBank::Impl::Check(int64_t minute_us, int minute_of_week,
                                     std::span<const UsageRow> rows) const {
  if (minute_us < 0 || minute_us % kMinuteUs != 0) {
    return absl::InvalidArgumentError(absl::StrCat("minute: ", minute_us, " is no whole minute"));
  }
  if (minute_us / kMinuteUs <= last_minute_) {
    return absl::InvalidArgumentError("minute: not later than the one before");
  }
  if (minute_of_week < 0 || minute_of_week >= kMinutesPerWeek) {
    return absl::InvalidArgumentError("minute_of_week: must be from 0 to 10079");
  }
  if (rows.size() > kMaxRows) {
    return absl::InvalidArgumentError(absl::StrCat("rows: at most ", kMaxRows));
  }
  for (const UsageRow& row : rows) {
    for (int metric = 0; metric < kMetrics; ++metric) {
      if (ValueOf(row, static_cast<Metric>(metric)) < 0) {
        return absl::InvalidArgumentError("rows: a number is negative");
      }
    }
    for (int kind = 0; kind < kScopeKinds; ++kind) {
      if (NameOf(row, static_cast<ScopeKind>(kind)).size() > kMaxNameBytes) {
        return absl::InvalidArgumentError(
            absl::StrCat("rows: a name is longer than ", kMaxNameBytes, " bytes"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Finding>> SeriesBank::Impl::Add(int64_t minute_us, int minute_of_week,
                                                           std::span<const UsageRow> rows) {
  QP_RETURN_IF_ERROR(Check(minute_us, minute_of_week, rows));
  const int64_t minute = minute_us / kMinuteUs;
  if (last_minute_ >= 0) Skip(minute, minute_of_week);
  Minute(minute, minute_of_week, rows);
  std::stable_partition(told_.begin(), told_.end(), [](const Finding& f) { return f.over; });
  return std::exchange(told_, {});
}

// The minutes between: silent ones, or a gap in the feed.
void SeriesBank::Impl::Skip(int64_t minute, int minute_of_week) {
  const int64_t missing = minute - last_minute_ - 1;
  if (missing > kGapMinutes) {
    for (auto& [key, scope] : scopes_) {
      for (auto& detector : scope.detectors) {
        if (detector != nullptr) detector->Gap();
      }
      scope.costs.fill(0);
    }
    return;
  }
  for (int64_t i = missing; i > 0; --i) {
    const auto then = static_cast<int>((minute_of_week - i + kMinutesPerWeek) % kMinutesPerWeek);
    Minute(minute - i, then, {});
  }
}

void SeriesBank::Impl::Minute(int64_t minute, int minute_of_week, std::span<const UsageRow> rows) {
  last_minute_ = minute;
  last_minute_of_week_ = minute_of_week;
  recent_.Add(rows);
  Collect(minute, rows);
  WatchSessions(minute, rows);
  for (auto& [key, scope] : scopes_) Judge(key, scope, minute, minute_of_week);
  while (!remembered_.empty() &&
         minute - remembered_.front().second.over_minute > kRememberMinutes) {
    remembered_.erase(remembered_.begin());
  }
  if (scopes_.size() > options_.max_scopes) Evict(minute);
}

void SeriesBank::Impl::Collect(int64_t minute, std::span<const UsageRow> rows) {
  for (auto& [key, scope] : scopes_) scope.now = {};
  for (const UsageRow& row : rows) {
    if (row.org.empty()) continue;
    for (const ScopeKind kind : {ScopeKind::kOrg, ScopeKind::kTeam, ScopeKind::kProject,
                                 ScopeKind::kUser, ScopeKind::kModel}) {
      const std::string_view name = NameOf(row, kind);
      if (name.empty()) continue;
      const auto [at, is_new] =
          scopes_.try_emplace({std::string(row.org), kind, std::string(name)});
      Scope& scope = at->second;
      if (is_new) scope.first_minute = minute;
      scope.last_minute = minute;
      for (int metric = 0; metric < kMetrics; ++metric) {
        // Saturates: nobody spends that much in a minute.
        const int64_t more = std::min(ValueOf(row, static_cast<Metric>(metric)), int64_t{1} << 60);
        scope.now[metric] = std::min(scope.now[metric] + more, int64_t{1} << 61);
      }
    }
  }
}

void SeriesBank::Impl::Evict(int64_t minute) {
  std::vector<std::pair<int64_t, Scopes::iterator>> idle;
  for (auto at = scopes_.begin(); at != scopes_.end(); ++at) {
    idle.emplace_back(at->second.last_minute, at);
  }
  // A tenth more than needed, so that this is rare.
  const size_t keep = options_.max_scopes - options_.max_scopes / 10;
  const size_t gone = scopes_.size() - keep;
  std::nth_element(idle.begin(), idle.begin() + static_cast<int64_t>(gone) - 1, idle.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < gone; ++i) {
    const auto at = idle[i].second;
    if (at->second.open.has_value()) End(at->first, at->second, minute, FindingEnd::kEvicted);
    scopes_.erase(at);
    ++evicted_;
  }
}

std::array<Judgement, kMetrics> SeriesBank::Impl::StepAll(Scope& scope, int minute_of_week) const {
  std::array<Judgement, kMetrics> judgements;
  const bool kept_out = scope.open.has_value() && scope.open->kept_out;
  // A finding's first minutes are learnt from, so that what is told again and again becomes usual.
  const bool is_incident = scope.open.has_value() &&
                           last_minute_ - scope.open->finding.at_us / kMinuteUs > kLearntMinutes;
  for (int metric = 0; metric < kMetrics; ++metric) {
    auto& detector = scope.detectors[metric];
    if (detector == nullptr) {
      if (scope.now[metric] == 0) continue;
      detector =
          std::make_unique<SeriesDetector>(static_cast<uint32_t>(options_.min_history_hours * 60));
    }
    double value = static_cast<double>(scope.now[metric]);
    if (kept_out) value = std::min(value, detector->Forecast(minute_of_week));
    judgements[metric] = detector->Step(value, minute_of_week, is_incident);
  }
  return judgements;
}

void SeriesBank::Impl::Judge(const ScopeKey& key, Scope& scope, int64_t minute,
                             int minute_of_week) {
  scope.costs[minute % 60] = static_cast<float>(scope.now[0]);
  const std::array<Judgement, kMetrics> judgements = StepAll(scope, minute_of_week);
  if (scope.open.has_value()) {
    const auto metric = static_cast<size_t>(scope.open->finding.metric);
    GoOn(key, scope, judgements[metric], minute, minute_of_week);
    return;
  }
  if (auto candidate = LookAtNew(key, scope, minute)) {
    Begin(key, scope, *std::move(candidate), minute, minute_of_week);
    return;
  }
  if (auto candidate = LookAtHours(key, scope, minute_of_week);
      candidate.has_value() && !IsKnown(scope, *candidate, minute, minute_of_week)) {
    Begin(key, scope, *std::move(candidate), minute, minute_of_week);
    return;
  }
  for (const Metric metric : kOrderOfMetrics) {
    auto candidate = Look(scope, metric, judgements[static_cast<size_t>(metric)], minute_of_week);
    if (!candidate.has_value() || IsKnown(scope, *candidate, minute, minute_of_week)) continue;
    if (key.kind != ScopeKind::kUser && IsExplained(key, *candidate)) return;
    Begin(key, scope, *std::move(candidate), minute, minute_of_week);
    return;
  }
}

void SeriesBank::Impl::Begin(const ScopeKey& key, Scope& scope, Candidate candidate, int64_t minute,
                             int minute_of_week) {
  Finding& finding = candidate.finding;
  finding.id = next_id_++;
  finding.org = key.org;
  finding.scope = key.kind;
  finding.value = key.value;
  const int64_t window = finding.window_us / kMinuteUs;
  finding.start_us = (minute - window + 1) * kMinuteUs;
  finding.at_us = minute * kMinuteUs;
  finding.contributors = Contributors(key, candidate, minute_of_week);
  OpenFinding open;
  open.finding = finding;
  open.start_minute = minute - window + 1;
  open.expected_sum = static_cast<double>(finding.expected);
  open.actual_sum = static_cast<double>(finding.actual);
  open.before = CopyOf(scope.detectors);
  const auto& detector = scope.detectors[static_cast<size_t>(finding.metric)];
  const double usual = detector == nullptr ? 0 : detector->UsualAt(minute_of_week);
  const double expected = open.expected_sum / static_cast<double>(window);
  open.level = usual > 0 ? std::clamp(expected / usual, 0.1, 10.0) : 1;
  scope.open = std::move(open);
  told_.push_back(finding);
}

void SeriesBank::Impl::GoOn(const ScopeKey& key, Scope& scope, const Judgement& judgement,
                            int64_t minute, int minute_of_week) {
  OpenFinding& open = *scope.open;
  const auto metric = static_cast<size_t>(open.finding.metric);
  const double value = static_cast<double>(scope.now[metric]);
  const auto& before = open.before[metric];
  const double usual = before == nullptr ? 0 : before->UsualAt(minute_of_week) * open.level;
  open.expected_sum += std::max(usual, 0.0);
  open.actual_sum += value;
  const bool calm =
      open.kept_out ? value <= kAcceptedRatio * usual + 1 : judgement.surprise < kCalmSurprise;
  open.calm_minutes = calm ? open.calm_minutes + 1 : 0;
  const bool is_calm = open.calm_minutes >= kCalmMinutes;
  if (!is_calm && minute - open.start_minute < kLongestFinding) return;
  // Still where the finding had it, and no longer surprising: the new normal.
  double lately = 0;
  for (int i = 0; i < kAcceptedMinutes; ++i) lately += scope.costs[(minute + 60 - i) % 60];
  const auto& money_before = open.before[0];
  const double money_usual = money_before == nullptr ? 0
                                                     : money_before->UsualAt(minute_of_week) *
                                                           open.level * kAcceptedMinutes;
  const bool accepted =
      !open.kept_out && (open.finding.kind == FindingKind::kDrop
                             ? lately < money_usual / kAcceptedRatio
                             : lately > kAcceptedRatio * money_usual && lately > 0);
  const FindingEnd unless_accepted = is_calm ? FindingEnd::kBack : FindingEnd::kTooLong;
  End(key, scope, minute, accepted ? FindingEnd::kAccepted : unless_accepted);
}

void SeriesBank::Impl::End(const ScopeKey& key, Scope& scope, int64_t minute, FindingEnd end) {
  OpenFinding open = *std::move(scope.open);
  scope.open.reset();
  Finding& finding = open.finding;
  finding.over = true;
  finding.end = end;
  finding.at_us = minute * kMinuteUs;
  finding.window_us = (minute - open.start_minute + 1) * kMinuteUs;
  finding.expected = Round(open.expected_sum);
  finding.actual = Round(open.actual_sum);
  if (finding.metric == Metric::kCost) {
    finding.difference_nano_usd = std::abs(finding.actual - finding.expected);
  }
  finding.contributors.clear();
  open.over_minute = minute;
  told_.push_back(finding);
  if (remembered_.size() == kMaxRemembered) remembered_.erase(remembered_.begin());
  remembered_.emplace_back(key, std::move(open));
}

void SeriesBank::Impl::WatchSessions(int64_t minute, std::span<const UsageRow> rows) {
  for (const SessionWatch::Runaway& runaway : sessions_.Add(minute, rows)) {
    const std::pair key(runaway.org, runaway.session);
    Finding& finding = runaways_[key];
    if (runaway.over) {
      if (finding.id != 0) {
        finding.over = true;
        finding.end = FindingEnd::kBack;
        finding.at_us = minute * kMinuteUs;
        finding.contributors.clear();
        told_.push_back(finding);
      }
      runaways_.erase(key);
      continue;
    }
    finding = {
        .id = next_id_++,
        .kind = FindingKind::kRunawaySession,
        .metric = runaway.metric,
        .org = runaway.org,
        .scope = ScopeKind::kSession,
        .value = runaway.session,
        .start_us = (minute - SessionWatch::kMinutes + 1) * kMinuteUs,
        .at_us = minute * kMinuteUs,
        .expected = runaway.usual,
        .actual = runaway.actual,
        .window_us = SessionWatch::kMinutes * kMinuteUs,
        .difference_nano_usd = runaway.cost_nano_usd,
        .score = std::min(1.0, 0.5 + 0.05 * static_cast<double>(runaway.actual) /
                                         static_cast<double>(std::max<int64_t>(runaway.usual, 1)))};
    if (runaway.metric == Metric::kCost) {
      finding.difference_nano_usd = runaway.actual - runaway.usual;
    }
    finding.contributors = recent_.Within(runaway.org, ScopeKind::kSession, runaway.session,
                                          runaway.metric, SessionWatch::kMinutes);
    if (finding.contributors.size() > kMaxContributors)
      finding.contributors.resize(kMaxContributors);
    told_.push_back(finding);
  }
}

std::vector<Finding> SeriesBank::Impl::Open() const {
  std::vector<Finding> open;
  for (const auto& [key, finding] : runaways_) open.push_back(finding);
  for (const auto& [key, scope] : scopes_) {
    if (!scope.open.has_value()) continue;
    Finding finding = scope.open->finding;
    finding.expected = Round(scope.open->expected_sum);
    finding.actual = Round(scope.open->actual_sum);
    finding.window_us = (last_minute_ - scope.open->start_minute + 1) * kMinuteUs;
    open.push_back(std::move(finding));
  }
  return open;
}

std::optional<Finding> SeriesBank::Impl::Find(uint64_t id) const {
  for (const auto& [key, finding] : runaways_) {
    if (finding.id == id) return finding;
  }
  for (const auto& [key, scope] : scopes_) {
    if (scope.open.has_value() && scope.open->finding.id == id) return scope.open->finding;
  }
  for (const auto& [key, open] : remembered_) {
    if (open.finding.id == id) return open.finding;
  }
  return std::nullopt;
}

OpenFinding* SeriesBank::Impl::FindOpen(uint64_t id, Scope** scope) {
  for (auto& [key, candidate] : scopes_) {
    if (candidate.open.has_value() && candidate.open->finding.id == id) {
      *scope = &candidate;
      return &*candidate.open;
    }
  }
  for (auto& [key, open] : remembered_) {
    if (open.finding.id != id) continue;
    const auto found = scopes_.find(key);
    if (found == scopes_.end()) return nullptr;
    *scope = &found->second;
    return &open;
  }
  return nullptr;
}

absl::Status SeriesBank::Impl::Give(uint64_t id, Feedback feedback, int64_t sequence) {
  if (sequence <= heard_) return absl::OkStatus();
  heard_ = sequence;
  return Heed(id, feedback);
}

absl::Status SeriesBank::Impl::Heed(uint64_t id, Feedback feedback) {
  for (const auto& [key, finding] : runaways_) {
    if (finding.id == id) return absl::OkStatus();  // a session has no baseline of its own
  }
  Scope* scope = nullptr;
  OpenFinding* open = FindOpen(id, &scope);
  if (open == nullptr) {
    return absl::NotFoundError(absl::StrCat("finding ", id, " is not known, or no longer"));
  }
  const Finding finding = open->finding;
  const bool is_on = !finding.over;
  if (feedback == Feedback::kNotExpected) {
    if (!open->before[0] && !open->before[1] && !open->before[2] && !open->before[3]) {
      return absl::OkStatus();  // somebody new: there was no baseline
    }
    scope->detectors = CopyOf(open->before);
    for (auto& detector : scope->detectors) {
      if (detector != nullptr) detector->Gap();
    }
    if (is_on) open->kept_out = true;
    return absl::OkStatus();
  }
  const double ratio = static_cast<double>(finding.actual) /
                       static_cast<double>(std::max<int64_t>(finding.expected, 1));
  const int64_t since = last_minute_ - finding.start_us / kMinuteUs;
  const int64_t hour =
      ((last_minute_of_week_ - since % kMinutesPerWeek + kMinutesPerWeek) % kMinutesPerWeek) / 60 %
      24;
  if (scope->patterns.size() == Scope::kMaxPatterns) scope->patterns.erase(scope->patterns.begin());
  scope->patterns.push_back({.metric = finding.metric,
                             .hour_of_day = static_cast<int16_t>(hour),
                             .ratio = ratio,
                             .until_minute = last_minute_ + kPatternMinutes});
  if (is_on) {
    const auto steps = static_cast<int>(std::min<int64_t>(since + 1, 60));
    for (auto& detector : scope->detectors) {
      if (detector != nullptr) detector->Accept(steps);
    }
    for (auto& [key, candidate] : scopes_) {
      if (&candidate == scope) End(key, candidate, last_minute_, FindingEnd::kExpected);
    }
  }
  return absl::OkStatus();
}

BankStats SeriesBank::Impl::Stats() const {
  BankStats stats{.scopes = scopes_.size(),
                  .sessions = sessions_.size(),
                  .open_findings = runaways_.size(),
                  .evicted_scopes = evicted_,
                  .evicted_sessions = sessions_.evicted()};
  size_t detectors = 0;
  for (const auto& [key, scope] : scopes_) {
    for (const auto& detector : scope.detectors) detectors += detector != nullptr ? 1 : 0;
    if (scope.open.has_value()) {
      ++stats.open_findings;
      detectors += kMetrics;
    }
  }
  stats.bytes = detectors * kDetectorBytes + scopes_.size() * (sizeof(Scope) + sizeof(ScopeKey)) +
                remembered_.size() * kMetrics * kDetectorBytes + sessions_.size() * 512;
  return stats;
}

template <typename Codec>
void SeriesBank::Impl::Code(Codec& codec) {
  codec(last_minute_);
  codec(last_minute_of_week_);
  codec(next_id_);
  codec(evicted_);
  codec(heard_);
  codec(sessions_);
  codec(recent_);
  const auto each = [&](auto& map, uint64_t most, auto code) {
    auto size = static_cast<uint64_t>(map.size());
    codec(size);
    if constexpr (Codec::kReading) {
      codec.Check(size <= most);
      for (uint64_t i = 0; i < size && codec.ok(); ++i) {
        typename std::remove_reference_t<decltype(map)>::key_type key;
        code(key, nullptr);
        code(key, &map[key]);
      }
    } else {
      for (auto& [stored, value] : map) {
        auto key = stored;
        code(key, nullptr);
        code(key, &value);
      }
    }
  };
  each(scopes_, uint64_t{10'000'000},
       [&](ScopeKey& key, Scope* scope) { scope == nullptr ? codec(key) : codec(*scope); });
  each(runaways_, uint64_t{10'000'000}, [&](auto& key, Finding* finding) {
    if (finding != nullptr) return CodeFinding(codec, *finding);
    codec(key.first);
    codec(key.second);
  });
  auto size = static_cast<uint64_t>(remembered_.size());
  codec(size);
  if constexpr (Codec::kReading) {
    codec.Check(size <= kMaxRemembered);
    remembered_.resize(codec.ok() ? size : 0);
    codec.Check(last_minute_ >= -1 && last_minute_of_week_ >= 0 &&
                last_minute_of_week_ < kMinutesPerWeek);
  }
  for (auto& [key, open] : remembered_) {
    codec(key);
    codec(open);
  }
  // Ends that feedback brought, which the next minute tells.
  size = static_cast<uint64_t>(told_.size());
  codec(size);
  if constexpr (Codec::kReading) {
    codec.Check(size <= scopes_.size());
    told_.resize(codec.ok() ? size : 0);
  }
  for (Finding& finding : told_) CodeFinding(codec, finding);
}

SeriesBank::SeriesBank(const BankOptions& options) : impl_(std::make_unique<Impl>(options)) {}
SeriesBank::SeriesBank(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SeriesBank::~SeriesBank() = default;
SeriesBank::SeriesBank(SeriesBank&&) noexcept = default;
SeriesBank& SeriesBank::operator=(SeriesBank&&) noexcept = default;

absl::StatusOr<std::vector<Finding>> SeriesBank::Add(int64_t minute_us, int minute_of_week,
                                                     std::span<const UsageRow> rows) {
  return impl_->Add(minute_us, minute_of_week, rows);
}
std::vector<Finding> SeriesBank::Open() const { return impl_->Open(); }
std::optional<Finding> SeriesBank::Find(uint64_t finding_id) const {
  return impl_->Find(finding_id);
}
absl::Status SeriesBank::Give(uint64_t finding_id, Feedback feedback, int64_t sequence) {
  return impl_->Give(finding_id, feedback, sequence);
}
int64_t SeriesBank::heard() const { return impl_->heard(); }
BankStats SeriesBank::Stats() const { return impl_->Stats(); }

std::string SeriesBank::Save() const {
  StateWriter writer;
  uint64_t version = kStateVersion;
  writer(version);
  impl_->Code(writer);
  std::string bytes = std::move(writer).Take();
  const Digest sum = HashOf(bytes);
  bytes.append(sum.view());
  return bytes;
}

absl::StatusOr<SeriesBank> SeriesBank::Restore(const BankOptions& options, std::string_view bytes) {
  constexpr size_t kSumBytes = sizeof(Digest::bytes);
  const absl::Status damaged =
      absl::DataLossError("the saved state of the anomaly bank is damaged");
  if (bytes.size() < kSumBytes + sizeof(uint64_t)) return damaged;
  const std::string_view state = bytes.substr(0, bytes.size() - kSumBytes);
  if (HashOf(state).view() != bytes.substr(state.size())) return damaged;
  StateReader reader(state);
  uint64_t version = 0;
  reader(version);
  if (version != kStateVersion) {
    return absl::DataLossError("the saved state of the anomaly bank is of another version");
  }
  auto impl = std::make_unique<Impl>(options);
  impl->Code(reader);
  if (!reader.ok() || reader.left() != 0) return damaged;
  return SeriesBank(std::move(impl));
}

}  // namespace quotaplane::anomaly
