#include "libs/alerts/silence_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/alerts/alert_store.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/sql/check.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxReasonBytes = 1024;
constexpr absl::string_view kColumns =
    "number, org, matchers, from_us, until_us, reason, author, ended_at_us, ended_by";

absl::StatusOr<Silence> SilenceOf(const sql::Row& row) {
  Silence silence;
  std::string_view matchers;
  std::optional<int64_t> ended;
  QP_RETURN_IF_ERROR(row.Read(silence.number, silence.org, matchers, silence.from_us,
                              silence.until_us, silence.reason, silence.author, ended,
                              silence.ended_by));
  silence.ended_at_us = ended.value_or(0);
  const Json list = Json::parse(matchers, nullptr, false);
  const auto unreadable = [&] {
    return absl::DataLossError(absl::StrCat("silence ", silence.number, " cannot be read"));
  };
  // Without its matchers it would match everything.
  if (!list.is_array() || list.empty()) return unreadable();
  for (const Json& one : list) {
    if (!one.is_object() || !one.contains("name") || !one.contains("pattern") ||
        !one["name"].is_string() || !one["pattern"].is_string()) {
      return unreadable();
    }
    silence.matchers.push_back({one["name"].get<std::string>(), one["pattern"].get<std::string>()});
  }
  return silence;
}

bool IsPlain(std::string_view text) {
  return sql::IsText(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

std::string MatchersJson(const Silence& silence) {
  Json list = Json::array();
  for (const Matcher& matcher : silence.matchers) {
    list.push_back({{"name", matcher.name}, {"pattern", matcher.pattern}});
  }
  return list.dump();
}

}  // namespace

absl::Status CheckSilence(const Silence& silence, int64_t now_us) {
  std::vector<FieldViolation> wrong;
  if (silence.matchers.empty() || silence.matchers.size() > kMaxMatchers) {
    wrong.push_back({"matchers", absl::StrCat("must be 1 to ", kMaxMatchers, ", not ",
                                              silence.matchers.size())});
  }
  for (size_t i = 0; i < silence.matchers.size() && i < kMaxMatchers; ++i) {
    const Matcher& matcher = silence.matchers[i];
    if (matcher.name.empty() || matcher.name.size() > kMaxDimensionNameBytes ||
        !IsPlain(matcher.name)) {
      wrong.push_back({absl::StrCat("matchers[", i, "].name"), "must name a dimension"});
    }
    if (matcher.pattern.empty() || matcher.pattern.size() > kMaxDimensionValueBytes ||
        !IsPlain(matcher.pattern)) {
      wrong.push_back({absl::StrCat("matchers[", i, "].pattern"),
                       absl::StrCat("must have 1 to ", kMaxDimensionValueBytes,
                                    " bytes without control characters")});
    }
  }
  if (silence.until_us <= now_us || silence.until_us > now_us + kMaxSilenceUs) {
    wrong.push_back({"until", "must be in the future, within 366 days"});
  }
  if (silence.reason.empty() || silence.reason.size() > kMaxReasonBytes ||
      !IsPlain(silence.reason)) {
    wrong.push_back({"reason", absl::StrCat("must have 1 to ", kMaxReasonBytes,
                                            " bytes without control characters")});
  }
  return wrong.empty() ? absl::OkStatus() : FieldError(wrong);
}

absl::StatusOr<std::vector<Silence>> ReadSilences(sql::Session& session, std::string_view rest,
                                                  absl::Span<const sql::Value> parameters) {
  const std::string text =
      absl::StrCat("SELECT ", kColumns, " FROM alert_silences ", AbslView(rest));
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query({"silences", text}, parameters));
  std::vector<Silence> silences;
  for (size_t i = 0; i < rows.size(); ++i) {
    QP_ASSIGN_OR_RETURN(Silence silence, SilenceOf(rows[i]));
    silences.push_back(std::move(silence));
  }
  return silences;
}

absl::Status InsertSilence(sql::Transaction& transaction, const Silence& silence) {
  return transaction
      .Execute({"silence", absl::StrCat("INSERT INTO alert_silences (", kColumns,
                                        ") VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, '')")},
               {silence.number, silence.org, MatchersJson(silence), silence.from_us,
                silence.until_us, silence.reason, silence.author})
      .status();
}

absl::Status RewriteSilence(sql::Transaction& transaction, const Silence& silence) {
  return transaction
      .Execute({"rewrite silence",
                "UPDATE alert_silences SET matchers = $2, reason = $3 WHERE number = $1"},
               {silence.number, MatchersJson(silence), silence.reason})
      .status();
}

absl::Status MarkSilenceEnded(sql::Transaction& transaction, const Silence& silence) {
  return transaction
      .Execute({"end silence",
                "UPDATE alert_silences SET ended_at_us = $2, ended_by = $3 WHERE number = $1"},
               {silence.number, silence.ended_at_us, silence.ended_by})
      .status();
}

absl::StatusOr<const std::vector<Silence>*> HeldSilences::Of(const std::string& org) {
  const auto found = by_org_.find(org);
  if (found != by_org_.end()) return &found->second;
  QP_ASSIGN_OR_RETURN(
      std::vector<Silence> silences,
      ReadSilences(*session_,
                   "WHERE org = $1 AND ended_at_us IS NULL AND until_us > $2 ORDER BY number",
                   {org, now_us_}));
  return &(by_org_[org] = std::move(silences));
}

absl::StatusOr<int64_t> HeldSilences::Match(const Signal& signal) {
  QP_ASSIGN_OR_RETURN(const std::vector<Silence>* silences, Of(signal.org));
  for (const Silence& silence : *silences) {
    if (SilenceMatches(silence, signal)) return silence.number;
  }
  return 0;
}

absl::StatusOr<size_t> HeldSilences::Count(const std::string& org) {
  QP_ASSIGN_OR_RETURN(const std::vector<Silence>* silences, Of(org));
  return silences->size();
}

}  // namespace quotaplane
