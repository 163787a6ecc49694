#include "tools/quotactl/render.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "tools/quotactl/next_step.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Align;
using terminal::Cell;
using terminal::FormatAmount;
using terminal::FormatMoney;
using terminal::Table;
using terminal::Tone;

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

const char* OnExceedWord(v1::OnExceed on_exceed) {
  switch (on_exceed) {
    case v1::ON_EXCEED_DENY:
      return "deny";
    case v1::ON_EXCEED_SOFT:
      return "soft";
    case v1::ON_EXCEED_SHADOW:
      return "shadow";
    case v1::ON_EXCEED_DOWNGRADE:
      return "downgrade";
    default:
      return "";
  }
}

const char* CauseWords(v1::Cause cause) {
  switch (cause) {
    case v1::CAUSE_LIMIT_EXCEEDED:
      return "over the limit";
    case v1::CAUSE_MODEL_NOT_ALLOWED:
      return "model not allowed";
    case v1::CAUSE_MODEL_UNPRICED:
      return "model has no price";
    case v1::CAUSE_STORE_UNAVAILABLE:
      return "store is away";
    case v1::CAUSE_FROZEN:
      return "frozen by an alert";
    default:
      return "";
  }
}

// "ALLOW", "ALLOW (soft limit exceeded)", "DENY", in their colours.
std::string Verdict(const terminal::Style& style, v1::Decision decision) {
  switch (decision) {
    case v1::DECISION_ALLOW:
      return style.Paint(Tone::kGood, "ALLOW");
    case v1::DECISION_ALLOW_SOFT:
      return style.Paint(Tone::kWarning, "ALLOW (a soft or shadow limit is exceeded)");
    default:
      return style.Paint(Tone::kBad, "DENY");
  }
}

Table Facts() { return Table({{""}, {""}}); }

std::string FitsWords(const v1::Exceeded& exceeded, absl::Time now) {
  if (exceeded.cause() == v1::CAUSE_FROZEN) {
    return absl::StrCat(terminal::FormatMoment(FromProto(exceeded.fits_at()), now),
                        ", or once it is acknowledged");
  }
  if (exceeded.cause() != v1::CAUSE_LIMIT_EXCEEDED) return "";
  if (exceeded.never_fits()) return "never: it needs more than the whole amount";
  if (exceeded.has_fits_at()) return terminal::FormatMoment(FromProto(exceeded.fits_at()), now);
  return "when open reservations end";
}

// What alerts have done, each once.
template <typename Response>
std::string AlertLines(const Response& response) {
  std::string lines;
  std::set<std::string> told;
  for (const v1::Exceeded& each : response.exceeded()) {
    if (each.detail().empty() || !told.insert(each.detail()).second) continue;
    absl::StrAppend(&lines, lines.empty() ? "\n" : "", "  ", each.detail(), "\n");
  }
  return lines;
}

template <typename Response>
std::string ExceededTable(const Renderer& with, const Response& response) {
  if (response.exceeded().empty()) return "";
  Table table({{"EXCEEDED"},
               {"SCOPE"},
               {"WHY"},
               {"ON EXCEED"},
               {"UNIT"},
               {"USED", Align::kRight},
               {"NEEDED", Align::kRight},
               {"AMOUNT", Align::kRight},
               {"FITS"}});
  for (const v1::Exceeded& each : response.exceeded()) {
    const bool counted = each.cause() == v1::CAUSE_LIMIT_EXCEEDED;
    const auto amount = [&](int64_t value) {
      return counted ? FormatAmount(each.unit(), value) : std::string();
    };
    table.AddRow({Cell(each.limit_id(), Tone::kBold), each.scope(), CauseWords(each.cause()),
                  OnExceedWord(each.on_exceed()), each.unit(), amount(each.used()),
                  amount(each.needed()), amount(each.amount()), FitsWords(each, with.now)});
  }
  return absl::StrCat("\n", table.Render(with.style), AlertLines(response));
}

template <typename Response>
std::string TightestTable(const Renderer& with, const Response& response) {
  if (response.tightest().empty()) return "";
  Table table({{"TIGHTEST"},
               {"SCOPE"},
               {"UNIT"},
               {"USED", Align::kRight},
               {"AMOUNT", Align::kRight},
               {"LEFT", Align::kRight},
               {"RESETS"}});
  for (const v1::Remaining& each : response.tightest()) {
    table.AddRow({Cell(each.limit_id(), Tone::kBold), each.scope(), each.unit(),
                  FormatAmount(each.unit(), each.used()), FormatAmount(each.unit(), each.amount()),
                  FormatAmount(each.unit(), each.remaining()),
                  each.has_resets_at()
                      ? terminal::FormatMoment(FromProto(each.resets_at()), with.now)
                      : std::string()});
  }
  return absl::StrCat("\n", table.Render(with.style));
}

// The facts that answers to Reserve, Check and Extend have in common.
template <typename Response>
void AddDecisionFacts(const Response& response, absl::Time now, Table* facts) {
  facts->AddRow({"estimated cost", FormatMoney(response.estimated_cost_nano_usd())});
  if (response.has_retry_after()) {
    facts->AddRow({"retry after", terminal::FormatSpan(FromProto(response.retry_after()))});
  }
  if constexpr (requires { response.downgrade_model(); }) {
    if (!response.downgrade_model().empty()) {
      facts->AddRow({"instead", absl::StrCat("--model ", response.downgrade_model())});
    }
  }
  if constexpr (requires { response.expires_at(); }) {
    if (response.has_expires_at()) {
      facts->AddRow({"hold ends", terminal::FormatMoment(FromProto(response.expires_at()), now)});
    }
  }
  if constexpr (requires { response.unpriced(); }) {
    if (response.unpriced()) facts->AddRow({"note", "the model has no price: it counts as free"});
  }
}

std::string RemainingCell(const v1::LimitUsage& limit) {
  const std::string left = FormatAmount(limit.unit(), limit.remaining());
  if (limit.amount() <= 0) return left;
  const int64_t percent =
      static_cast<int64_t>(static_cast<__int128>(limit.remaining()) * 100 / limit.amount());
  return absl::StrCat(left, " (", percent, "%)");
}

// Where an exception holds: up to when, and where it says who asked for it and who agreed.
std::string RaisedTable(const Renderer& with, const std::string& org,
                        const v1::GetUsageResponse& response) {
  Table table({{"RAISED"}, {"TO", Align::kRight}, {"UNTIL"}, {"WHY, AND BY WHOM"}});
  for (const v1::LimitUsage& limit : response.limits()) {
    if (limit.exception_id().empty()) continue;
    table.AddRow({Cell(limit.limit_id(), Tone::kBold), FormatAmount(limit.unit(), limit.amount()),
                  terminal::FormatMoment(FromProto(limit.exception_ends_at()), with.now),
                  absl::StrCat("quotactl exception show ", limit.exception_id(), " --org ",
                               ShellWord(org))});
  }
  return table.empty() ? "" : absl::StrCat("\n", table.Render(with.style));
}

// Where an alert throttles: which one, and up to when.
std::string ThrottledTable(const Renderer& with, const v1::GetUsageResponse& response) {
  Table table({{"THROTTLED"}, {"TO", Align::kRight}, {"UNTIL"}, {"BY ALERT"}});
  for (const v1::LimitUsage& limit : response.limits()) {
    if (limit.alert_id().empty()) continue;
    table.AddRow({Cell(limit.limit_id(), Tone::kBold), FormatAmount(limit.unit(), limit.amount()),
                  terminal::FormatMoment(FromProto(limit.alert_until()), with.now),
                  limit.alert_id()});
  }
  return table.empty() ? "" : absl::StrCat("\n", table.Render(with.style));
}

// "ends 23 Nov 14:00", "lasts"; empty where there is no forecast.
Cell ForecastCell(const v1::LimitUsage& limit, absl::Time now) {
  if (!limit.has_forecast()) return {""};
  if (!limit.forecast().has_exhausted_at()) return {"lasts"};
  const absl::Time ends = FromProto(limit.forecast().exhausted_at());
  if (ends <= now) return {"used up", Tone::kBad};
  const absl::TimeZone utc = absl::UTCTimeZone();
  const bool this_year = absl::ToCivilYear(ends, utc) == absl::ToCivilYear(now, utc);
  return {absl::StrCat("ends ", absl::ToCivilDay(ends, utc).day(),
                       absl::FormatTime(this_year ? " %b %H:%M" : " %b %Y", ends, utc)),
          Tone::kWarning};
}

Tone ToneOf(const v1::LimitUsage& limit) {
  if (limit.remaining() == 0) return Tone::kBad;
  return limit.remaining() < limit.amount() / 10 ? Tone::kWarning : Tone::kPlain;
}

}  // namespace

Renderer Renderer::ForStdout() { return {terminal::Style::For(STDOUT_FILENO), absl::Now()}; }

std::string Renderer::Reserve(const std::string& id, const v1::ReserveResponse& response) const {
  Table facts = Facts();
  facts.AddRow({"reservation", id});
  AddDecisionFacts(response, now, &facts);
  if (response.outage()) {
    facts.AddRow({"note", "the store is away: nothing is held; commit as usual"});
  }
  return absl::StrCat(Verdict(style, response.decision()), "\n", facts.Render(style, "  "),
                      ExceededTable(*this, response), TightestTable(*this, response));
}

std::string Renderer::Check(const v1::CheckResponse& response) const {
  Table facts = Facts();
  AddDecisionFacts(response, now, &facts);
  return absl::StrCat(Verdict(style, response.decision()), "\n", facts.Render(style, "  "),
                      ExceededTable(*this, response), TightestTable(*this, response));
}

std::string Renderer::Extend(const std::string& id, const v1::ExtendResponse& response) const {
  Table facts = Facts();
  facts.AddRow({"reservation", id});
  AddDecisionFacts(response, now, &facts);
  if (response.decision() == v1::DECISION_DENY) {
    facts.AddRow({"note", "cut the stream; the hold stays as it was"});
  }
  return absl::StrCat(Verdict(style, response.decision()), "\n", facts.Render(style, "  "),
                      ExceededTable(*this, response));
}

std::string Renderer::Commit(const std::string& id, const v1::CommitResponse& response) const {
  Table facts = Facts();
  facts.AddRow({"reservation", id});
  facts.AddRow({"charged", FormatMoney(response.cost_nano_usd())});
  if (!response.unreserved()) facts.AddRow({"held", FormatMoney(response.held_nano_usd())});
  if (response.overrun_nano_usd() > 0 || response.overrun_tokens() > 0) {
    facts.AddRow({"overrun", absl::StrCat(FormatMoney(response.overrun_nano_usd()), ", ",
                                          terminal::FormatCount(response.overrun_tokens()),
                                          " tokens more than were held")});
  }
  if (response.unreserved()) {
    facts.AddRow({"late", "no reservation of this id is remembered; charged all the same"});
  } else if (response.late()) {
    facts.AddRow({"late", "the hold had ended; charged all the same"});
  }
  if (response.spooled()) {
    facts.AddRow({"note", "the store is away: safe on disk, charged when it is back"});
  }
  if (response.unpriced()) facts.AddRow({"note", "a model has no price: charged as free"});
  if (response.replayed()) facts.AddRow({"note", "a retry: this is the first call's outcome"});
  return absl::StrCat(style.Paint(Tone::kGood, "COMMITTED"), "\n", facts.Render(style, "  "));
}

std::string Renderer::Release(const std::string& id, const v1::ReleaseResponse& response) const {
  const bool released = response.outcome() == v1::ReleaseResponse::OUTCOME_RELEASED;
  Table facts = Facts();
  facts.AddRow({"reservation", id});
  if (!released) facts.AddRow({"note", "the hold had already ended by itself"});
  if (response.replayed()) facts.AddRow({"note", "a retry: this is the first call's outcome"});
  return absl::StrCat(
      released ? style.Paint(Tone::kGood, "RELEASED") : style.Paint(Tone::kWarning, "EXPIRED"),
      "\n", facts.Render(style, "  "));
}

std::string Renderer::Record(const std::string& id, const v1::RecordResponse& response) const {
  Table facts = Facts();
  facts.AddRow({"record", id});
  facts.AddRow({"charged", FormatMoney(response.cost_nano_usd())});
  if (response.spooled()) {
    facts.AddRow({"note", "the store is away: safe on disk, charged when it is back"});
  }
  if (response.unpriced()) facts.AddRow({"note", "a model has no price: charged as free"});
  if (response.replayed()) facts.AddRow({"note", "a retry: this is the first call's outcome"});
  return absl::StrCat(style.Paint(Tone::kGood, "RECORDED"), "\n", facts.Render(style, "  "));
}

std::string Renderer::Usage(const std::string& org, const v1::GetUsageResponse& response) const {
  if (response.limits().empty()) {
    return "No limit of the policy applies to this subject. A limit counts only subjects that have "
           "every dimension of "
           "its `per`.\n";
  }
  const bool has_forecasts =
      std::any_of(response.limits().begin(), response.limits().end(),
                  [](const v1::LimitUsage& limit) { return limit.has_forecast(); });
  std::vector<terminal::Column> columns = {{"LIMIT"},
                                           {"SCOPE"},
                                           {"WINDOW"},
                                           {"ON EXCEED"},
                                           {"UNIT"},
                                           {"USED", Align::kRight},
                                           {"OF IT HELD", Align::kRight},
                                           {"AMOUNT", Align::kRight},
                                           {"LEFT", Align::kRight},
                                           {"RESETS"}};
  if (has_forecasts) columns.push_back({"AT THIS RATE (UTC)"});
  Table table(std::move(columns));
  for (const v1::LimitUsage& limit : response.limits()) {
    std::vector<Cell> cells = {Cell(limit.limit_id(), Tone::kBold),
                               limit.scope(),
                               limit.window(),
                               OnExceedWord(limit.on_exceed()),
                               limit.unit(),
                               FormatAmount(limit.unit(), limit.used()),
                               FormatAmount(limit.unit(), limit.held()),
                               FormatAmount(limit.unit(), limit.amount()),
                               Cell(RemainingCell(limit), ToneOf(limit)),
                               limit.has_resets_at()
                                   ? terminal::FormatMoment(FromProto(limit.resets_at()), now)
                                   : std::string()};
    if (has_forecasts) cells.push_back(ForecastCell(limit, now));
    table.AddRow(std::move(cells));
  }
  return absl::StrCat(table.Render(style), RaisedTable(*this, org, response),
                      ThrottledTable(*this, response));
}

}  // namespace quotaplane::quotactl
