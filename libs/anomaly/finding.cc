#include "libs/anomaly/finding.h"

namespace quotaplane::anomaly {

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kCost:
      return "cost";
    case Metric::kTokens:
      return "tokens";
    case Metric::kRequests:
      return "requests";
    case Metric::kRefusals:
      return "refusals";
  }
  return "unknown";
}

std::string_view ScopeKindName(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::kOrg:
      return "org";
    case ScopeKind::kTeam:
      return "team";
    case ScopeKind::kProject:
      return "project";
    case ScopeKind::kUser:
      return "user";
    case ScopeKind::kModel:
      return "model";
    case ScopeKind::kSession:
      return "session";
  }
  return "unknown";
}

std::string_view FindingKindName(FindingKind kind) {
  switch (kind) {
    case FindingKind::kSpike:
      return "spike";
    case FindingKind::kShift:
      return "shift";
    case FindingKind::kDrop:
      return "drop";
    case FindingKind::kUnusualHours:
      return "unusual-hours";
    case FindingKind::kNewSpender:
      return "new-spender";
    case FindingKind::kRunawaySession:
      return "runaway-session";
  }
  return "unknown";
}

}  // namespace quotaplane::anomaly
