// What a call answered, and whether it is what a scenario expects, in the words of the scenario.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quotaplane::scenarios {

struct Value {
  enum class Kind { kUsd, kCount, kTime, kDuration, kText };
  Kind kind = Kind::kText;
  // nano-USD, units, Unix microseconds, microseconds; the words none (0), unknown (0) and never
  // (kNever) stand for times and durations that are not there.
  int64_t number = 0;
  std::string text;
};
inline constexpr int64_t kNever = -1;

struct Field {
  std::string name;
  Value value;
  // A scenario that does not name it is wrong.
  bool must_tell = false;
};

// The answer as a whole (its name is the verdict), or one limit in it.
struct Part {
  std::string list;  // of a limit: by, tightest or limit
  std::string name;
  std::vector<std::string> marks;  // told and expected alike, in any order
  std::vector<Field> fields;
};

struct Outcome {
  Part head;
  std::vector<Part> limits;
};

// As a scenario would write it, with every field; times in `zone`.
std::string ToString(const Outcome& outcome, absl::TimeZone zone);

// Compares with the words behind "->": verdict, marks and fields, then limits, each preceded by the
// name of its list. nullopt: as expected. Otherwise what differs, in a few words. INVALID_ARGUMENT:
// the words are no expectation.
absl::StatusOr<std::optional<std::string>> Difference(const Outcome& outcome,
                                                      const std::vector<std::string>& expected,
                                                      absl::TimeZone zone);

// "2026-03-29", "01:59:59.5", "Europe/Berlin" -> Unix microseconds. INVALID_ARGUMENT also where the
// local time exists twice or not at all: it is then said in UTC.
absl::StatusOr<int64_t> ParseInstant(const std::string& date, const std::string& time,
                                     const std::string& zone_name);
// "1500", or "1,500".
absl::StatusOr<int64_t> ParseCount(std::string_view text);
// "90s", "1h30m", "250ms": microseconds, positive.
absl::StatusOr<int64_t> ParseDurationUs(const std::string& text);

}  // namespace quotaplane::scenarios
