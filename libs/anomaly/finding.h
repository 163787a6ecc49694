// What a detector has to say, and in which words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quotaplane::anomaly {

enum class Metric : uint8_t { kCost, kTokens, kRequests, kRefusals };
inline constexpr int kMetrics = 4;
std::string_view MetricName(Metric metric);  // "cost", "tokens", "requests", "refusals"

enum class ScopeKind : uint8_t { kOrg, kTeam, kProject, kUser, kModel, kSession };
std::string_view ScopeKindName(ScopeKind kind);  // "org", "team", …

enum class FindingKind : uint8_t {
  kSpike,           // far more than expected, for minutes
  kShift,           // more than expected, steadily, for a quarter of an hour or longer
  kDrop,            // nothing, or next to it, where there should be something
  kUnusualHours,    // at work at an hour of the week at which there has been next to nothing
  kNewSpender,      // a user or model of whom nothing was known spends much at once
  kRunawaySession,  // one session far above its kind
};
std::string_view FindingKindName(FindingKind kind);  // "spike", "shift", "drop", "unusual-hours", …

// Who or what made the difference.
struct Contributor {
  ScopeKind dimension = ScopeKind::kUser;
  std::string value{};
  // Over the finding's window so far, in the finding's metric. `expected` is 0 for somebody new.
  int64_t expected = 0;
  int64_t actual = 0;
};

// Why a finding is over.
enum class FindingEnd : uint8_t {
  kNone,      // it is on
  kBack,      // the values are back to what is expected
  kAccepted,  // they stay, and have become the new normal
  kExpected,  // somebody said that they are
  kTooLong,   // nobody can be told of the same for longer
  kEvicted,   // its scope made room for others
};

struct Finding {
  // Of the bank that found it; the same from the beginning of the finding to its end, and never
  // given twice, also after a restore.
  uint64_t id = 0;
  FindingKind kind = FindingKind::kSpike;
  Metric metric = Metric::kCost;
  std::string org{};
  ScopeKind scope = ScopeKind::kOrg;
  std::string value{};  // the scope's: a team's name …; for an org its own name

  // The first minute that belongs to it, and the minute at which this was said (its start).
  int64_t start_us = 0;
  int64_t at_us = 0;
  bool over = false;
  FindingEnd end = FindingEnd::kNone;  // once it is over

  // Sums over the minutes by which it was found (or, once over, since its start), in the metric's
  // unit: nano-USD, tokens, requests, refusals. For a runaway session: `expected` is what sessions
  // of its kind come to at most, as a rule.
  int64_t expected = 0;
  int64_t actual = 0;
  int64_t window_us = 0;
  // What the difference costs, or would have cost; 0 for refusals.
  int64_t difference_nano_usd = 0;
  // In [0,1]; 0.5 is where findings begin.
  double score = 0;

  // At most ten, the largest difference first; of users, models and sessions, other than the scope
  // itself. Empty for a finding that is over.
  std::vector<Contributor> contributors{};
};

enum class Feedback : uint8_t {
  kExpected,     // this is normal: it is learnt at once, and not told again
  kNotExpected,  // it was an anomaly: what happened is kept out of the baseline
};

}  // namespace quotaplane::anomaly
