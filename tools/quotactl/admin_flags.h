// Flags of the subcommands that change what is in force, and what they become in the public API.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "quotaplane/v1/admin.pb.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/globals.h"

namespace quotaplane::quotactl {

// Why: stands in the audit log.
struct ReasonFlag {
  std::string reason;

  void AddTo(CLI::App& command, bool required = false);
};

// For what cannot simply be taken back.
struct YesFlag {
  bool yes = false;

  void AddTo(CLI::App& command);
  // Nothing where it shall be done: --yes, or whoever sits at the terminal says so. Otherwise the
  // exit code; without a terminal there is nobody to ask.
  std::optional<int> Confirm(const Globals& globals, const std::string& question) const;
};

using Scope = std::map<std::string, std::string>;

// "team=search,user=alice"; "org" stands for the whole org: nothing.
absl::StatusOr<Scope> ParseScope(std::string_view flag, std::string_view text);
std::string ScopeWords(const google::protobuf::Map<std::string, std::string>& scope);

// "user=alice: 500 usd a month" (libs/config/set_amount_words.h).
absl::StatusOr<v1::SetAmount> ParseSetting(std::string_view flag, const std::string& text);

// "user-month=900": a limit and what it is raised to, in the limit's own unit.
struct RaiseText {
  std::string limit_id;
  std::string amount;
};
absl::StatusOr<RaiseText> ParseRaise(std::string_view flag, const std::string& text);
// In nano-USD for "usd", a whole number otherwise.
absl::StatusOr<int64_t> ParseAmount(std::string_view flag, std::string_view unit,
                                    const std::string& text);

// "30m", "8h", "30d": finite and above zero.
absl::StatusOr<absl::Duration> ParseDays(std::string_view flag, const std::string& text);
// A span from now ("8h", "30d"), a day, or a moment in UTC.
absl::StatusOr<absl::Time> ParseUntil(std::string_view flag, const std::string& text,
                                      absl::Time now);
// The same with a span that ends now.
absl::StatusOr<absl::Time> ParseSince(std::string_view flag, const std::string& text,
                                      absl::Time now);

}  // namespace quotaplane::quotactl
