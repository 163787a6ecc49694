#include "tests/scenarios/outcome.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/money/money.h"

namespace quotaplane::scenarios {
namespace {

constexpr auto kLists = std::to_array<std::string_view>({"by", "tightest", "limit"});
constexpr auto kTimes = std::to_array<std::string_view>({"fits", "resets", "expires", "until"});
constexpr auto kOtherFields = std::to_array<std::string_view>(
    {"cost", "held", "overrun", "overrun_tokens", "used", "needed", "amount", "left", "retry",
     "instead", "scope", "window", "unit", "spooled", "field", "exception", "alert", "detail"});
constexpr auto kMarks = std::to_array<std::string_view>(
    {"late", "unreserved", "replayed", "unpriced", "outage", "soft", "shadow", "downgrade", "ended",
     "waiting", "entries", "charged"});

template <typename List>
bool Has(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// RESERVATION_HELD, MODEL_UNPRICED: reasons and causes.
bool IsReason(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(),
                                      [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

bool IsAbsence(std::string_view word) {
  return word == "none" || word == "unknown" || word == "never";
}

struct WantedField {
  std::string name;
  std::vector<std::string> words;
};

struct Wanted {
  std::string list;
  std::string name;
  std::vector<std::string> marks;
  std::vector<WantedField> fields;
};

class WantedReader {
 public:
  explicit WantedReader(const std::vector<std::string>& words) : words_(words) {}

  // The head, then the limits.
  absl::StatusOr<std::vector<Wanted>> Read() {
    std::vector<Wanted> parts(1);
    parts[0].name = words_[at_++];
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (Has(kLists, word)) {
        if (at_ == words_.size()) return Error(word, "is followed by a limit's id");
        parts.push_back({word, words_[at_++], {}, {}});
      } else if (Has(kTimes, word)) {
        const bool absent = at_ < words_.size() && IsAbsence(words_[at_]);
        QP_RETURN_IF_ERROR(AddField(word, absent ? 1 : 3, &parts.back()));
      } else if (Has(kOtherFields, word)) {
        QP_RETURN_IF_ERROR(AddField(word, 1, &parts.back()));
      } else if (Has(kMarks, word) || IsReason(word)) {
        parts.back().marks.push_back(word);
      } else {
        return Error(word, "is not a word of expectations");
      }
    }
    return parts;
  }

 private:
  absl::Status AddField(const std::string& name, size_t count, Wanted* part) {
    if (at_ + count > words_.size()) {
      return Error(name, count == 3 ? "is followed by date, time and zone" : "has no value");
    }
    part->fields.push_back({name, {words_.begin() + at_, words_.begin() + at_ + count}});
    at_ += count;
    return absl::OkStatus();
  }

  static absl::Status Error(std::string_view word, std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("`", AbslView(word), "` ", AbslView(what)));
  }

  const std::vector<std::string>& words_;
  size_t at_ = 0;
};

absl::StatusOr<int64_t> ParseUsdWord(const std::string& word) {
  // Thousands are set apart as in counts, before the point only.
  const size_t point = std::min(word.find('.'), word.size());
  const std::string whole = word.substr(0, point);
  if (whole.find(',') != std::string::npos) QP_RETURN_IF_ERROR(ParseCount(whole).status());
  return ParseUsd(absl::StrReplaceAll(whole, {{",", ""}}) + word.substr(point));
}

absl::StatusOr<Value> Parse(const WantedField& field, Value::Kind kind) {
  Value value{kind, 0, ""};
  const std::string& word = field.words[0];
  const bool may_be_absent = kind == Value::Kind::kTime || kind == Value::Kind::kDuration;
  if (may_be_absent && IsAbsence(word)) {
    value.number = word == "never" ? kNever : 0;
    return value;
  }
  absl::StatusOr<int64_t> number = 0;
  switch (kind) {
    case Value::Kind::kText:
      value.text = word;
      break;
    case Value::Kind::kUsd:
      number = ParseUsdWord(word);
      break;
    case Value::Kind::kCount:
      number = ParseCount(word);
      break;
    case Value::Kind::kDuration:
      number = ParseDurationUs(word);
      break;
    case Value::Kind::kTime:
      number = ParseInstant(field.words[0], field.words[1], field.words[2]);
      break;
  }
  if (!number.ok()) return number.status();
  value.number = *number;
  return value;
}

std::string ToString(const Field& field, absl::TimeZone zone) {
  const Value& value = field.value;
  switch (value.kind) {
    case Value::Kind::kUsd:
      return FormatUsd(value.number);
    case Value::Kind::kCount:
      return absl::StrCat(value.number);
    case Value::Kind::kText:
      return value.text.find(' ') == std::string::npos ? value.text
                                                       : absl::StrCat("\"", value.text, "\"");
    case Value::Kind::kTime:
    case Value::Kind::kDuration:
      break;
  }
  if (value.number == kNever) return "never";
  if (value.number == 0) return field.name == "fits" ? "unknown" : "none";
  if (value.kind == Value::Kind::kDuration) {
    return absl::FormatDuration(absl::Microseconds(value.number));
  }
  return absl::StrCat(
      absl::FormatTime("%Y-%m-%d %H:%M:%E*S", absl::FromUnixMicros(value.number), zone), " ",
      zone.name());
}

std::string ToString(const Part& part, absl::TimeZone zone) {
  std::string text = part.list.empty() ? part.name : absl::StrCat(part.list, " ", part.name);
  for (const std::string& mark : part.marks) absl::StrAppend(&text, " ", mark);
  for (const Field& field : part.fields) {
    absl::StrAppend(&text, " ", field.name, " ", ToString(field, zone));
  }
  return text;
}

// "by user-day: used is 4.99, not 5.00".
std::string In(const Part& part, std::string_view what) {
  return part.list.empty() ? std::string(what)
                           : absl::StrCat(part.list, " ", part.name, ": ", AbslView(what));
}

absl::StatusOr<std::optional<std::string>> Compare(const Part& part, const Wanted& wanted,
                                                   absl::TimeZone zone) {
  if (part.name != wanted.name) return absl::StrCat(part.name, " is not ", wanted.name);
  for (const std::string& mark : part.marks) {
    if (!Has(wanted.marks, mark)) return In(part, absl::StrCat(mark, " was not expected"));
  }
  for (const std::string& mark : wanted.marks) {
    if (!Has(part.marks, mark)) return In(part, absl::StrCat(mark, " did not come"));
  }
  for (const WantedField& one : wanted.fields) {
    const auto field = std::find_if(part.fields.begin(), part.fields.end(),
                                    [&](const Field& f) { return f.name == one.name; });
    if (field == part.fields.end()) {
      return In(part, absl::StrCat("there is no `", one.name, "`"));
    }
    QP_ASSIGN_OR_RETURN(const Value value, Parse(one, field->value.kind));
    if (value.number != field->value.number || value.text != field->value.text) {
      const Field expected{one.name, value, false};
      return In(part, absl::StrCat(one.name, " is ", ToString(*field, zone), ", not ",
                                   ToString(expected, zone)));
    }
  }
  for (const Field& field : part.fields) {
    const bool told = std::any_of(wanted.fields.begin(), wanted.fields.end(),
                                  [&](const WantedField& one) { return one.name == field.name; });
    if (field.must_tell && !told) {
      return In(part, absl::StrCat(field.name, " ", ToString(field, zone),
                                   " has to be expected by name"));
    }
  }
  return std::nullopt;
}

std::string NamesOf(const std::vector<const Part*>& parts) {
  std::string names;
  for (const Part* part : parts) absl::StrAppend(&names, names.empty() ? "" : ", ", part->name);
  return names.empty() ? "none" : names;
}

}  // namespace

std::string ToString(const Outcome& outcome, absl::TimeZone zone) {
  std::string text = ToString(outcome.head, zone);
  for (const Part& limit : outcome.limits) {
    absl::StrAppend(&text, "\n      ", ToString(limit, zone));
  }
  return text;
}

absl::StatusOr<std::optional<std::string>> Difference(const Outcome& outcome,
                                                      const std::vector<std::string>& expected,
                                                      absl::TimeZone zone) {
  QP_ASSIGN_OR_RETURN(const std::vector<Wanted> wanted, WantedReader(expected).Read());
  std::optional<std::string> first;
  QP_ASSIGN_OR_RETURN(first, Compare(outcome.head, wanted[0], zone));
  for (const std::string_view list : kLists) {
    std::vector<const Part*> came;
    for (const Part& limit : outcome.limits) {
      if (limit.list == list) came.push_back(&limit);
    }
    std::vector<const Wanted*> asked;
    for (size_t i = 1; i < wanted.size(); ++i) {
      if (wanted[i].list == list) asked.push_back(&wanted[i]);
    }
    if (list == "tightest" && asked.empty()) continue;
    if (came.size() != asked.size() && !first.has_value()) {
      first = absl::StrCat(asked.size(), " limits are expected in `", AbslView(list), "`, ",
                           came.size(), " came: ", NamesOf(came));
    }
    // All words are read, so that a wrong one is found even behind a difference.
    for (size_t i = 0; i < std::min(came.size(), asked.size()); ++i) {
      QP_ASSIGN_OR_RETURN(std::optional<std::string> difference,
                          Compare(*came[i], *asked[i], zone));
      if (!first.has_value()) first = std::move(difference);
    }
  }
  return first;
}

absl::StatusOr<int64_t> ParseInstant(const std::string& date, const std::string& time,
                                     const std::string& zone_name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(zone_name, &zone)) {
    return absl::InvalidArgumentError(absl::StrCat("no time zone `", zone_name, "`"));
  }
  absl::Time parsed;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%d %H:%M:%E*S", absl::StrCat(date, " ", time), zone, &parsed,
                       &error)) {
    return absl::InvalidArgumentError(absl::StrCat("`", date, " ", time, "`: ", error));
  }
  absl::CivilSecond civil;
  if (!absl::ParseCivilTime(absl::StrCat(date, "T", time.substr(0, 8)), &civil) ||
      zone.At(civil).kind != absl::TimeZone::TimeInfo::UNIQUE) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", date, " ", time, " ", zone_name, "` is not one instant: say it in UTC"));
  }
  return absl::ToUnixMicros(parsed);
}

absl::StatusOr<int64_t> ParseCount(std::string_view text) {
  // Groups of three, or none at all.
  const size_t first = std::min(text.find(','), text.size());
  bool grouped = first >= 1 && first <= 3;
  for (size_t i = first; i < text.size(); i += 4) {
    grouped = grouped && text[i] == ',' &&
              text.substr(i + 1, 3).find_first_not_of("0123456789") == std::string_view::npos &&
              text.size() >= i + 4;
  }
  const std::string digits = absl::StrReplaceAll(AbslView(text), {{",", ""}});
  int64_t count = 0;
  if ((first < text.size() && !grouped) || digits.empty() ||
      digits.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(digits, &count)) {
    return absl::InvalidArgumentError(absl::StrCat("`", AbslView(text), "` is not a count"));
  }
  return count;
}

absl::StatusOr<int64_t> ParseDurationUs(const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration <= absl::ZeroDuration() ||
      duration % absl::Microseconds(1) != absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", text, "` is not a time span such as 90s or 1h30m"));
  }
  return absl::ToInt64Microseconds(duration);
}

}  // namespace quotaplane::scenarios
