#include "tools/quotactl/admin_flags.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/set_amount_words.h"
#include "libs/money/money.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

absl::Status Wrong(std::string_view flag, std::string_view value, std::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(AbslView(flag), ": \"", AbslView(value), "\" ", AbslView(rule)));
}

// Finite and above zero.
std::optional<absl::Duration> SpanOf(const std::string& text) {
  int days;
  if (absl::EndsWith(text, "d") && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) &&
      days > 0) {
    return days * absl::Hours(24);
  }
  absl::Duration span;
  if (absl::ParseDuration(text, &span) && span > absl::ZeroDuration() &&
      span < absl::InfiniteDuration()) {
    return span;
  }
  return std::nullopt;
}

}  // namespace

void ReasonFlag::AddTo(CLI::App& command, bool required) {
  CLI::Option* const option =
      command.add_option("--reason", reason, "Why; stands in the audit log")->group("Audit");
  if (required) option->required();
}

void YesFlag::AddTo(CLI::App& command) { command.add_flag("--yes", yes, "Do not ask"); }

std::optional<int> YesFlag::Confirm(const Globals& globals, const std::string& question) const {
  if (yes) return std::nullopt;
  if (isatty(STDIN_FILENO) != 1) {
    return ReportError(
        globals,
        absl::InvalidArgumentError(
            "nothing was changed: nobody is there to be asked; --yes does it without asking"));
  }
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::string answer;
  if (std::getline(std::cin, answer) && (answer == "y" || answer == "yes")) return std::nullopt;
  return ReportError(globals, absl::CancelledError("nothing was changed"));
}

absl::StatusOr<Scope> ParseScope(std::string_view flag, std::string_view text) {
  Scope scope;
  if (text == "org") return scope;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(AbslView(text), ','))) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size()) {
      return Wrong(flag, text, "is no scope; write it as team=search,user=alice, or org");
    }
    if (!scope.insert({part.substr(0, equals), part.substr(equals + 1)}).second) {
      return Wrong(flag, text, "names a dimension twice");
    }
  }
  return scope;
}

std::string ScopeWords(const google::protobuf::Map<std::string, std::string>& scope) {
  if (scope.empty()) return "the whole org";
  const Scope sorted(scope.begin(), scope.end());
  return absl::StrJoin(sorted, ", ", absl::PairFormatter("="));
}

absl::StatusOr<v1::SetAmount> ParseSetting(std::string_view flag, const std::string& text) {
  const absl::StatusOr<SetAmountText> words = ParseSetAmount(text);
  if (!words.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(AbslView(flag), ": ", words.status().message()));
  }
  v1::SetAmount set;
  set.mutable_scope()->insert(words->scope.begin(), words->scope.end());
  set.set_amount(words->amount);
  set.set_unit(words->unit);
  set.set_window(words->window);
  return set;
}

absl::StatusOr<RaiseText> ParseRaise(std::string_view flag, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return Wrong(flag, text, "is no LIMIT=AMOUNT, such as user-month=900");
  }
  return RaiseText{text.substr(0, equals), text.substr(equals + 1)};
}

absl::StatusOr<int64_t> ParseAmount(std::string_view flag, std::string_view unit,
                                    const std::string& text) {
  if (unit == "usd") {
    const absl::StatusOr<int64_t> nano = ParseUsd(text);
    return nano.ok() ? nano : Wrong(flag, text, "is no amount of USD; write it as 900 or 0.25");
  }
  int64_t amount;
  if (!absl::SimpleAtoi(text, &amount)) return Wrong(flag, text, "is no whole number");
  return amount;
}

absl::StatusOr<absl::Duration> ParseDays(std::string_view flag, const std::string& text) {
  const std::optional<absl::Duration> span = SpanOf(text);
  if (span.has_value()) return *span;
  return Wrong(flag, text, "is no span of time; write it as 30m, 8h or 30d");
}

absl::StatusOr<absl::Time> ParseUntil(std::string_view flag, const std::string& text,
                                      absl::Time now) {
  if (const auto span = SpanOf(text); span.has_value()) return now + *span;
  const absl::StatusOr<absl::Time> moment = ParseMoment(flag, text, absl::UTCTimeZone());
  if (moment.ok()) return moment;
  return Wrong(flag, text,
               "is no time; write it as a span from now: 8h, 30d; as a day: 2026-12-01; or as a "
               "moment: 2026-12-01T18:00 (UTC), 2026-12-01T18:00:00+01:00");
}

absl::StatusOr<absl::Time> ParseSince(std::string_view flag, const std::string& text,
                                      absl::Time now) {
  if (const auto span = SpanOf(text); span.has_value()) return now - *span;
  const absl::StatusOr<absl::Time> moment = ParseMoment(flag, text, absl::UTCTimeZone());
  if (moment.ok()) return moment;
  return Wrong(flag, text,
               "is no time; write it as a span up to now: 8h, 30d; as a day: 2026-12-01; or as a "
               "moment: 2026-12-01T18:00 (UTC), 2026-12-01T18:00:00+01:00");
}

}  // namespace quotaplane::quotactl
