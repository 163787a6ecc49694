#include "libs/ledger/ledger_reader.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr sql::Statement kCharges{
    "charges",
    "SELECT charge_key, line, reservation_id, occurred_at_us, attempt, model, subject_model, "
    "priced_as, service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd, "
    "price_version, team, project, user_name, api_key, labels, held_nano_usd, overrun_nano_usd, "
    "late, unreserved, recorded, unpriced FROM ledger_entries "
    "WHERE org = $1 AND occurred_at_us >= $2 AND occurred_at_us <= $3 AND kind = 'usage' "
    "ORDER BY occurred_at_us, charge_key, line",
    absl::Minutes(10)};

absl::StatusOr<ServiceTier> TierOf(std::string_view name) {
  if (name == "standard") return ServiceTier::kStandard;
  if (name == "batch") return ServiceTier::kBatch;
  if (name == "priority") return ServiceTier::kPriority;
  if (name == "flex") return ServiceTier::kFlex;
  return absl::DataLossError("a ledger entry of an unknown service tier");
}

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

// Puts the rows of one charge together.
class Assembler {
 public:
  Assembler(std::string_view org, absl::FunctionRef<absl::Status(const SettledCharge&)> callback)
      : org_(org), callback_(callback) {}

  absl::Status Add(const sql::Row& row) {
    std::string_view key, id, model, subject_model, priced_as, tier, meter, price_version, team,
        project, user, api_key, labels;
    sql::Bytes key_bytes;
    int64_t line, occurred_at, attempt, quantity, unit_price, cost, held, overrun, late, unreserved,
        recorded, unpriced;
    QP_RETURN_IF_ERROR(row.Read(key_bytes, line, id, occurred_at, attempt, model, subject_model,
                                priced_as, tier, meter, quantity, unit_price, cost, price_version,
                                team, project, user, api_key, labels, held, overrun, late,
                                unreserved, recorded, unpriced));
    key = key_bytes.data;
    if (key != key_) {
      QP_RETURN_IF_ERROR(End());
      key_ = std::string(key);
      charge_ = {};
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
    if (meter.empty()) return absl::OkStatus();
    QP_ASSIGN_OR_RETURN(const ServiceTier service_tier, TierOf(tier));
    charge_.charge.lines.push_back({static_cast<int>(attempt), std::string(model), service_tier,
                                    std::string(meter), quantity, unit_price, cost, unpriced != 0,
                                    std::string(priced_as)});
    charge_.charge.cost_nano_usd += cost;
    return absl::OkStatus();
  }

  absl::Status End() { return key_.empty() ? absl::OkStatus() : callback_(charge_); }

 private:
  const std::string org_;
  const absl::FunctionRef<absl::Status(const SettledCharge&)> callback_;
  std::string key_;
  SettledCharge charge_;
};

}  // namespace

absl::Status StreamCharges(sql::Session& session, const ChargeRange& range,
                           absl::FunctionRef<absl::Status(const SettledCharge&)> callback) {
  Assembler assembler(range.org, callback);
  QP_RETURN_IF_ERROR(session.Stream(kCharges, {range.org, range.from_us, range.to_us},
                                    [&](const sql::Row& row) { return assembler.Add(row); }));
  return assembler.End();
}

}  // namespace quotaplane
