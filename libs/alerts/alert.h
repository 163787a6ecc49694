// An alert as it is kept: what its source last said, and what became of it.
//
//             ┌───────── told again, or a silence ended ────────┐
//   signal ► firing ──Acknowledge──► acknowledged ──worse──► firing
//             │  └──Silence──► silenced ──silence ends──► firing
//             └── over, or Resolve, from any state ──► resolved ── told within its hold-off ►
//             firing
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/alerts/signal.h"
#include "libs/policy/curbs.h"

namespace quotaplane {

enum class AlertState { kFiring, kAcknowledged, kSilenced, kResolved };
// "firing", "acknowledged", "silenced", "resolved".
std::string_view AlertStateName(AlertState state);
std::optional<AlertState> ParseAlertState(std::string_view name);

// What people said of it, for the detector.
enum class Feedback { kNone, kExpected, kNotExpected };
// "", "expected", "not_expected".
std::string_view FeedbackName(Feedback feedback);

enum class ActionState {
  kNone,     // the rule wants none
  kWanted,   // to be put in force
  kInForce,  // from..until
  kEnded,
};
// "none", "wanted", "in_force", "ended".
std::string_view ActionStateName(ActionState state);

struct TakenAction {
  ActionState state = ActionState::kNone;
  WantedAction wanted;  // unless kNone
  int64_t from_us = 0;  // kInForce and kEnded; 0 where it ended before it was in force
  int64_t until_us = 0;
  // A person acknowledged the freeze, or resolved the alert: to be ended before `until_us`.
  bool lifted = false;

  friend bool operator==(const TakenAction&, const TakenAction&) = default;
};

struct Alert {
  int64_t number = 0;
  // As last told, with these exceptions: `severity` is the highest since it opened; `occurrence`,
  // `over` and `over_because` are not kept, but the summary of one that is over has the reason.
  Signal signal;
  AlertState state = AlertState::kFiring;
  Severity opened_severity = Severity::kInfo;  // what it began with
  int64_t opened_at_us = 0;                    // the first telling's at_us
  int64_t recorded_at_us = 0;                  // when it was first recorded, by our clock
  int64_t told_at_us = 0;                      // when it was last told, by our clock
  int64_t tellings = 1;                        // how often it was told
  int64_t resolved_at_us = 0;                  // kResolved, by our clock; else 0
  std::string resolved_by;                     // a person; empty: the source
  std::string acknowledged_by;                 // since it last fired; empty: nobody
  std::string acknowledge_comment;
  int64_t acknowledged_at_us = 0;
  int64_t silence = 0;  // kSilenced: the number of the silence
  Feedback feedback = Feedback::kNone;
  std::string feedback_by;
  int64_t feedback_at_us = 0;
  int64_t notified_at_us = 0;  // when a message about its firing was last put into the queue; or 0
  TakenAction action;
  int64_t sequence = 0;  // of its last change: AlertStore::ChangesSince
};

// The number in "A-17" or "a-17" or "17"; nullopt for anything else.
std::optional<int64_t> ParseAlertName(std::string_view text);

inline constexpr size_t kMaxMatchers = 16;

// A silence says nothing about alerts of its org that all matchers match.
struct Matcher {
  // A name of Signal::dimensions, or "kind", "rule", "severity". What an alert lacks is not
  // matched, not even by "*".
  std::string name;
  std::string pattern;  // a glob (libs/policy): * and ?

  friend bool operator==(const Matcher&, const Matcher&) = default;
};

struct Silence {
  int64_t number = 0;             // shown as "S-3"
  std::string org;                // empty: of the deployment's own alerts
  std::vector<Matcher> matchers;  // 1 to kMaxMatchers
  int64_t from_us = 0;
  int64_t until_us = 0;
  std::string reason;
  std::string author;
  int64_t ended_at_us = 0;  // by Unsilence or by time, once Advance has seen it; 0: it holds
  std::string ended_by;     // a person; empty: time
};

// Whether all matchers match. The org is not looked at.
bool SilenceMatches(const Silence& silence, const Signal& signal);

}  // namespace quotaplane
