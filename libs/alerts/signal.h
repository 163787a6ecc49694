// What a source of alerts says: a limit was crossed, a budget ends too early, a series is unlike
// itself, the outbox is behind. Sources know nothing of states, silences and receivers; AlertStore
// knows nothing of limits and series.
//
// Two names decide what a signal does:
//   key         which alert it is about. As long as that is open, further signals of the key are
//               further tellings of it; `over` resolves it.
//   occurrence  which telling it is. One that was recorded before changes nothing, so a source may
//               say everything again after a crash. Remembered for 35 days.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace quotaplane {

// Stored by name.
enum class AlertKind { kThreshold, kForecast, kAnomaly, kRunaway, kOperations };
enum class Severity { kInfo, kWarning, kCritical };  // in ascending order

// "threshold", "forecast", "anomaly", "runaway", "operations".
std::string_view AlertKindName(AlertKind kind);
std::optional<AlertKind> ParseAlertKind(std::string_view name);
// "info", "warning", "critical".
std::string_view SeverityName(Severity severity);
std::optional<Severity> ParseSeverity(std::string_view name);

// Who made the difference: "user" "alice", by what was expected of her and what came, in the
// signal's unit.
struct Contributor {
  std::string dimension;
  std::string value;
  int64_t expected = 0;
  int64_t actual = 0;

  friend bool operator==(const Contributor&, const Contributor&) = default;
};

// What the rule wants done about it.
struct WantedAction {
  enum class Kind { kThrottle, kFreeze };
  Kind kind = Kind::kThrottle;
  int share_permille = 0;  // of the limit that is left; kThrottle: 1 to 999; kFreeze: 0
  int64_t for_us = 0;      // how long; at least a second, at most 31 days

  friend bool operator==(const WantedAction&, const WantedAction&) = default;
};

inline constexpr size_t kMaxSignalDimensions = 32;
inline constexpr size_t kMaxDimensionNameBytes = 80;  // "labels." and a label's name
inline constexpr size_t kMaxDimensionValueBytes = 128;
inline constexpr size_t kMaxSignalContributors = 10;
inline constexpr size_t kMaxSignalReceivers = 10;
inline constexpr size_t kMaxSignalNameBytes = 128;  // org, rule_id, a receiver
inline constexpr size_t kMaxScopeBytes = 1024;
inline constexpr size_t kMaxAlertKeyBytes = 256;
inline constexpr size_t kMaxSummaryBytes = 512;
inline constexpr size_t kMaxOverBecauseBytes = 160;
inline constexpr int64_t kMaxHoldOffUs = int64_t{7} * 24 * 3600 * 1'000'000;
inline constexpr int64_t kMaxActionUs = int64_t{31} * 24 * 3600 * 1'000'000;

// All text is UTF-8 without control characters.
struct Signal {
  std::string org;  // empty: the deployment's own (operations)
  AlertKind kind = AlertKind::kThreshold;
  std::string rule_id;
  Severity severity = Severity::kWarning;
  std::string scope;  // "{org=acme, user=alice}", for people
  // org, team, project, user, model, session, limit …: for silences and routes. Names
  // [a-z][a-z0-9_.]*, each once, values not empty.
  std::vector<std::pair<std::string, std::string>> dimensions;
  std::string key;         // within the org; not empty, at most kMaxAlertKeyBytes
  std::string occurrence;  // within the key; likewise
  bool over = false;       // the condition has ended
  // Of an end, what people could not guess: "its amount is 200.00 USD now". One line, at most
  // kMaxOverBecauseBytes; kept behind the alert's summary. Empty: nothing.
  std::string over_because;
  std::string summary;  // one line, at most kMaxSummaryBytes
  std::string unit;     // "usd" (amounts are nano-USD), "requests", … ; may be empty
  std::optional<int64_t> expected, actual;
  std::optional<int64_t> amount;          // of the limit
  std::vector<Contributor> contributors;  // the largest difference first
  int64_t at_us = 0;                      // when it came to be, by the source's clock; > 0
  std::vector<std::string> receivers;     // by name; empty: as the receivers file routes it
  // After a message about this alert no other one for this long, save for a raise of its severity
  // and its end. 0 to kMaxHoldOffUs.
  int64_t hold_off_us = 0;
  std::optional<WantedAction> action;
};

// INVALID_ARGUMENT, naming each field that breaks a rule above by `prefix` + its name.
absl::Status CheckSignal(const Signal& signal, std::string_view prefix = "");

// `text` cut to `bytes` at most, on a character's edge, ending in "…" where something was cut; and
// without control characters. For summaries made of other people's words.
std::string FitText(std::string_view text, size_t bytes);

}  // namespace quotaplane
