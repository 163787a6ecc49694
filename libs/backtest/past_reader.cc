#include "libs/backtest/past_reader.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/ledger_reader.h"

namespace quotaplane {
namespace {

constexpr sql::Statement kFirst{
    "first entry",
    "SELECT occurred_at_us FROM ledger_entries WHERE org = $1 AND kind = 'usage' "
    "ORDER BY occurred_at_us LIMIT 1",
    absl::Minutes(1)};

std::string Select(const UsedDimensions& used) {
  const auto column = [](bool is_used, const char* name) { return is_used ? name : "''"; };
  return absl::StrCat(
      "SELECT charge_key, occurred_at_us, attempt, model, subject_model, meter, quantity, "
      "cost_nano_usd, user_name, ",
      column(used.team, "team"), ", ", column(used.project, "project"), ", ",
      column(used.api_key, "api_key"), ", ", column(!used.labels.empty(), "labels"),
      " FROM ledger_entries WHERE org = $1 AND occurred_at_us >= $2 AND occurred_at_us < $3 "
      "AND kind = 'usage' ORDER BY occurred_at_us, charge_key, line");
}

// Puts the rows of one charge together.
class Assembler {
 public:
  Assembler(std::string_view org, const UsedDimensions& used, PastCallback callback)
      : org_(org), used_(used), callback_(callback) {}

  absl::Status Add(const sql::Row& row) {
    std::string_view model, subject_model, meter, user, team, project, api_key, labels;
    sql::Bytes key;
    int64_t at_us, attempt, quantity, cost;
    QP_RETURN_IF_ERROR(row.Read(key, at_us, attempt, model, subject_model, meter, quantity, cost,
                                user, team, project, api_key, labels));
    if (entries_ == 0 || key.data != key_) {
      QP_RETURN_IF_ERROR(End());
      key_ = key.data;
      charge_.at_us = at_us;
      charge_.subject = {org_,
                         std::string(team),
                         std::string(project),
                         std::string(user),
                         std::string(api_key),
                         std::string(subject_model),
                         {}};
      QP_RETURN_IF_ERROR(AddLabels(labels));
    }
    ++entries_;
    if (meter.empty() && cost == 0) return absl::OkStatus();  // a request without usage
    if (charge_.attempts.empty() || attempt != attempt_) {
      charge_.attempts.push_back({std::string(model), 0, {}});
      attempt_ = attempt;
    }
    PastAttempt& last = charge_.attempts.back();
    last.cost_nano_usd += cost;
    last.usage.emplace_back(meter, quantity);
    charge_.cost_nano_usd += cost;
    return absl::OkStatus();
  }

  absl::Status End() {
    if (entries_ == 0) return absl::OkStatus();
    const int entries = std::exchange(entries_, 0);
    return callback_(std::exchange(charge_, {}), entries);
  }

 private:
  absl::Status AddLabels(std::string_view text) {
    if (used_.labels.empty()) return absl::OkStatus();
    std::vector<std::pair<std::string, std::string>>& labels = charge_.subject.labels;
    QP_RETURN_IF_ERROR(ReadLabels(text, &labels));
    std::erase_if(labels, [&](const auto& label) { return !used_.labels.contains(label.first); });
    return absl::OkStatus();
  }

  const std::string org_;
  const UsedDimensions& used_;
  const PastCallback callback_;
  std::string key_;
  PastCharge charge_;
  int64_t attempt_ = 0;
  int entries_ = 0;
};

}  // namespace

absl::Status StreamPast(sql::Session& session, const PastRange& range, const UsedDimensions& used,
                        PastCallback callback) {
  Assembler assembler(range.org, used, callback);
  const std::string select = Select(used);
  QP_RETURN_IF_ERROR(session.Stream({"past charges", select, absl::Minutes(10)},
                                    {range.org, range.from_us, range.to_us},
                                    [&](const sql::Row& row) { return assembler.Add(row); }));
  return assembler.End();
}

absl::StatusOr<int64_t> FirstEntryUs(sql::Session& session, std::string_view org) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query(kFirst, {org}));
  return rows.empty() ? INT64_MAX : rows[0][0].integer();
}

}  // namespace quotaplane
