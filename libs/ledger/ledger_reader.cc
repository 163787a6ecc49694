#include "libs/ledger/ledger_reader.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

// The columns of a charge's line; `time` is whose, and `applied` when counters got it.
#define QP_CHARGE_COLUMNS(time, applied)                                                         \
  "SELECT e.charge_key, e.line, e.reservation_id, " time                                         \
  ", e.attempt, e.model, e.subject_model, e.priced_as, e.service_tier, e.meter, e.quantity, "    \
  "e.unit_price_nano_per_million, e.cost_nano_usd, e.price_version, e.team, e.project, "         \
  "e.user_name, e.api_key, e.labels, e.held_nano_usd, e.overrun_nano_usd, e.late, e.unreserved," \
  " e.recorded, e.unpriced, " applied " FROM ledger_entries AS e "

constexpr sql::Statement kCharges{
    "charges",
    QP_CHARGE_COLUMNS("e.occurred_at_us", "0")
    "WHERE e.org = $1 AND e.occurred_at_us >= $2 AND e.occurred_at_us <= $3 AND e.kind = 'usage' "
    "ORDER BY e.occurred_at_us, e.charge_key, e.line",
    absl::Minutes(10)};

constexpr sql::Statement kCorrections{
    "corrections",
    QP_CHARGE_COLUMNS("e.corrected_at_us", "m.applied_at_us")
    "JOIN ledger_moves AS m ON m.move_key = e.move_key "
    "WHERE e.org = $1 AND e.corrected_at_us >= $2 AND e.corrected_at_us <= $3 "
    "AND m.applied_at_us IS NOT NULL ORDER BY e.corrected_at_us, e.charge_key, e.line",
    absl::Minutes(10)};

constexpr sql::Statement kMove{
    "move",
    QP_CHARGE_COLUMNS("e.corrected_at_us",
                      "0") "WHERE e.move_key = $1 AND e.org = $2 ORDER BY e.charge_key, e.line"};

#undef QP_CHARGE_COLUMNS

// Puts the rows of one charge together.
class Assembler {
 public:
  using Callback = absl::FunctionRef<absl::Status(const SettledCharge&, int64_t applied_at_us)>;

  Assembler(std::string_view org, Callback callback) : org_(org), callback_(callback) {}

  absl::Status Add(const sql::Row& row) {
    std::string_view key, id, model, subject_model, priced_as, tier, meter, price_version, team,
        project, user, api_key, labels;
    sql::Bytes key_bytes;
    int64_t line, occurred_at, attempt, quantity, unit_price, cost, held, overrun, late, unreserved,
        recorded, unpriced, applied_at;
    QP_RETURN_IF_ERROR(row.Read(key_bytes, line, id, occurred_at, attempt, model, subject_model,
                                priced_as, tier, meter, quantity, unit_price, cost, price_version,
                                team, project, user, api_key, labels, held, overrun, late,
                                unreserved, recorded, unpriced, applied_at));
    key = key_bytes.data;
    if (key != key_) {
      QP_RETURN_IF_ERROR(End());
      key_ = std::string(key);
      charge_ = {};
      applied_at_us_ = applied_at;
      charge_.charge.id = std::string(id);
      charge_.charge.subject = {org_,
                                std::string(team),
                                std::string(project),
                                std::string(user),
                                std::string(api_key),
                                std::string(subject_model),
                                {}};
      QP_RETURN_IF_ERROR(ReadLabels(labels, &charge_.charge.subject.labels));
      charge_.charge.price_version = std::string(price_version);
      charge_.charge.recorded = recorded != 0;
      charge_.settlement.occurred_at_us = occurred_at;
      charge_.settlement.late = late != 0;
      charge_.settlement.unreserved = unreserved != 0;
    }
    charge_.settlement.held_nano_usd += held;
    charge_.settlement.overrun_nano_usd += overrun;
    // A request without usage has no lines, but may have been corrected.
    if (meter.empty() && cost == 0) return absl::OkStatus();
    QP_ASSIGN_OR_RETURN(const ServiceTier service_tier, TierOf(tier));
    charge_.charge.lines.push_back({static_cast<int>(attempt), std::string(model), service_tier,
                                    std::string(meter), quantity, unit_price, cost, unpriced != 0,
                                    std::string(priced_as)});
    charge_.charge.cost_nano_usd += cost;
    return absl::OkStatus();
  }

  absl::Status End() {
    return key_.empty() ? absl::OkStatus() : callback_(charge_, applied_at_us_);
  }

 private:
  const std::string org_;
  const Callback callback_;
  std::string key_;
  SettledCharge charge_;
  int64_t applied_at_us_ = 0;
};

}  // namespace

absl::Status ReadLabels(std::string_view text,
                        std::vector<std::pair<std::string, std::string>>* labels) {
  if (text == "{}") return absl::OkStatus();
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return absl::DataLossError("a ledger entry whose labels are no object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return absl::DataLossError("a ledger entry with a label of no string");
    labels->emplace_back(key, value.get<std::string>());
  }
  return absl::OkStatus();
}

absl::StatusOr<ServiceTier> TierOf(std::string_view name) {
  if (name == "standard") return ServiceTier::kStandard;
  if (name == "batch") return ServiceTier::kBatch;
  if (name == "priority") return ServiceTier::kPriority;
  if (name == "flex") return ServiceTier::kFlex;
  return absl::DataLossError("a ledger entry of an unknown service tier");
}

absl::Status StreamCharges(sql::Session& session, const ChargeRange& range,
                           absl::FunctionRef<absl::Status(const SettledCharge&)> callback) {
  const auto forward = [&](const SettledCharge& charge, int64_t) { return callback(charge); };
  Assembler assembler(range.org, forward);
  QP_RETURN_IF_ERROR(session.Stream(kCharges, {range.org, range.from_us, range.to_us},
                                    [&](const sql::Row& row) { return assembler.Add(row); }));
  return assembler.End();
}

absl::Status StreamCorrections(
    sql::Session& session, const ChargeRange& range,
    absl::FunctionRef<absl::Status(const SettledCharge&, int64_t applied_at_us)> callback) {
  Assembler assembler(range.org, callback);
  QP_RETURN_IF_ERROR(session.Stream(kCorrections, {range.org, range.from_us, range.to_us},
                                    [&](const sql::Row& row) { return assembler.Add(row); }));
  return assembler.End();
}

absl::StatusOr<std::vector<SettledCharge>> ReadMove(sql::Session& session, std::string_view org,
                                                    const Digest& move) {
  std::vector<SettledCharge> charges;
  const auto keep = [&](const SettledCharge& charge, int64_t) {
    charges.push_back(charge);
    return absl::OkStatus();
  };
  Assembler assembler(org, keep);
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query(kMove, {sql::Bytes{move.view()}, org}));
  for (size_t i = 0; i < rows.size(); ++i) QP_RETURN_IF_ERROR(assembler.Add(rows[i]));
  QP_RETURN_IF_ERROR(assembler.End());
  return charges;
}

}  // namespace quotaplane
