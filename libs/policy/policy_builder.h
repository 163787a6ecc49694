// Short ways to write policies and subjects in tests.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/policy/policy.h"

namespace quotaplane {

inline Dimension Dim(std::string_view name) { return *ParseDimension(name); }

inline Condition When(std::string_view dimension, std::vector<std::string> globs) {
  Condition condition{Dim(dimension), {}};
  for (std::string& glob : globs) condition.any_of.emplace_back(std::move(glob));
  return condition;
}

inline Override For(std::vector<std::pair<std::string, std::string>> match, int64_t amount,
                    std::string source = "here") {
  Override entry;
  for (auto& [dimension, value] : match) entry.match.emplace_back(Dim(dimension), std::move(value));
  entry.amount = amount;
  entry.source = std::move(source);
  return entry;
}

// A limit of `amount` requests a day.
inline Limit DailyLimit(std::string id, std::vector<std::string_view> per, int64_t amount) {
  Limit limit;
  limit.id = std::move(id);
  for (const std::string_view name : per) limit.per.push_back(Dim(name));
  limit.unit = Unit{UnitKind::kRequests, ""};
  limit.amount = amount;
  limit.window = *ParseWindow("day", absl::UTCTimeZone(), 1);
  return limit;
}

inline Subject Alice() {
  return {"acme", "search", "assistant", "alice", "key-1", "claude-opus-4", {{"agent", "ci"}}};
}

}  // namespace quotaplane
