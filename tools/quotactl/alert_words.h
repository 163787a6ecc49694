// The words of alerts: as flags take them, and as tables show them.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "quotaplane/v1/alerts.pb.h"
#include "tools/terminal/style.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {

// "?" for what an older program does not know.
std::string Word(v1::AlertState state);        // "firing", "acknowledged", …
std::string Word(v1::AlertKind kind);          // "threshold", "forecast", …
std::string Word(v1::AlertSeverity severity);  // "info", "warning", "critical"
std::string Word(v1::DeliveryState state);     // "pending", "delivered", "dead"
std::string Word(v1::AlertFeedback feedback);  // "expected", "not-expected"

terminal::Tone ToneOf(v1::AlertState state);
terminal::Tone ToneOf(v1::AlertSeverity severity);
terminal::Tone ToneOf(v1::DeliveryState state);

// All words of an enum, and the value that a word stands for: 0 for none.
template <typename Enum>
std::vector<std::string> WordsOf() {
  std::vector<std::string> words;
  for (int value = 1; Word(static_cast<Enum>(value)) != "?"; ++value) {
    words.push_back(Word(static_cast<Enum>(value)));
  }
  return words;
}
template <typename Enum>
Enum ValueOf(const std::string& word) {
  for (int value = 1; Word(static_cast<Enum>(value)) != "?"; ++value) {
    if (Word(static_cast<Enum>(value)) == word) return static_cast<Enum>(value);
  }
  return static_cast<Enum>(0);
}

// "$4.20", "1,200 requests"; the bare number where there is no unit.
std::string AmountWords(const v1::Alert& alert, int64_t amount);
// What is, or will be, done to the scope: "frozen until 2026-11-26 15:00", "throttled to 20% until
// …", "to be frozen"; empty for nothing, or what has ended.
std::string ActionWords(const v1::AlertAction& action);
// "kind=anomaly, user=alice"
std::string MatcherWords(const v1::Silence& silence);
// Whether it still keeps anything quiet.
bool Holds(const v1::Silence& silence, absl::Time now);

}  // namespace quotaplane::quotactl
