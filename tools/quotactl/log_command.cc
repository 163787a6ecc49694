// What servers log: read and changed while they run.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"

namespace quotaplane::quotactl {
namespace {

constexpr char kDefaultDebugFor[] = "15m";

std::string Text(const v1::LogSetting& setting) {
  if (setting.level() == v1::LOG_LEVEL_UNSPECIFIED) return "Servers log as they were started.\n";
  const std::string name = v1::LogLevel_Name(setting.level()).substr(sizeof("LOG_LEVEL_") - 1);
  std::string text = absl::StrCat("Servers log ", absl::AsciiStrToLower(name));
  if (setting.has_end_time()) {
    absl::StrAppend(
        &text, " until ",
        absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                         absl::FromUnixSeconds(setting.end_time().seconds()), absl::UTCTimeZone()));
  }
  return text + ".\n";
}

struct LevelFlags {
  ReasonFlag reason;
  std::string level, span;
};

int RunLevel(const Globals& globals, const LevelFlags& flags) {
  if (flags.level.empty()) {
    return ReadAndPrint(globals, &AdminStub::GetLogLevel, v1::GetLogLevelRequest(), Text);
  }
  v1::SetLogLevelRequest request;
  if (flags.level != "default") {
    v1::LogLevel level = v1::LOG_LEVEL_UNSPECIFIED;
    v1::LogLevel_Parse(absl::StrCat("LOG_LEVEL_", absl::AsciiStrToUpper(flags.level)), &level);
    request.set_level(level);
  }
  std::string span = flags.span;
  if (span.empty() && flags.level == "debug") span = kDefaultDebugFor;
  if (!span.empty()) {
    const absl::StatusOr<absl::Duration> time = ParseDays("--for", span);
    if (!time.ok()) return ReportError(globals, time.status());
    request.set_seconds(absl::ToInt64Seconds(*time));
  }
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::SetLogLevel, request, Text);
}

}  // namespace

void AddLog(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* log = app.add_subcommand("log", "What servers log");
  log->require_subcommand(1);
  const auto flags = std::make_shared<LevelFlags>();
  CLI::App* level =
      log->add_subcommand("level", "Show the level of the logs, or change it on every server");
  level
      ->add_option("LEVEL", flags->level,
                   "debug (each call), info, warning, error, critical; default: as each server "
                   "was started")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "critical", "default"}));
  level->add_option("--for", flags->span,
                    "Then it is the default again: 10m, 2h; by default 15m for debug, and no end "
                    "for the others");
  flags->reason.AddTo(*level);
  level->footer(R"(Within a second, on servers that run and on those that start meanwhile.

Examples:
  quotactl log level
  quotactl log level debug --for 10m --reason "who is refused?"
  quotactl log level default)");
  level->callback([=, &globals] { *work = [=, &globals] { return RunLevel(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
