#include "libs/ledger/booked_charge.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

using ByKey = absl::flat_hash_map<std::string, BookedCharge>;

// "$1, $2, …" for the keys, which become parameters after those that are there.
std::string KeyList(const std::vector<ChargeAt>& charges, std::vector<sql::Value>* parameters) {
  std::string list;
  for (const ChargeAt& charge : charges) {
    parameters->emplace_back(sql::Bytes{charge.key.view()});
    absl::StrAppend(&list, list.empty() ? "$" : ", $", parameters->size());
  }
  return list;
}

Digest DigestOf(std::string_view bytes) {
  Digest digest;
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.bytes.size()), digest.bytes.begin());
  return digest;
}

absl::Status AddUsage(std::string_view org, const sql::Row& row, ByKey* by_key) {
  sql::Bytes key;
  BookedLine line;
  std::string id, subject_model, team, project, user, api_key, labels, cost_center;
  int64_t occurred_at, unpriced;
  QP_RETURN_IF_ERROR(row.Read(
      key, line.line, id, occurred_at, line.attempt, line.model, subject_model, line.priced_as,
      line.service_tier, line.meter, line.quantity, line.unit_price, line.cost_nano_usd,
      line.price_version, team, project, user, api_key, labels, cost_center, unpriced));
  line.unpriced = unpriced != 0;
  line.quantity_left = line.quantity;
  line.cost_left_nano_usd = line.cost_nano_usd;
  BookedCharge& charge = (*by_key)[std::string(key.data)];
  if (charge.lines.empty()) {
    charge.key = DigestOf(key.data);
    charge.org = std::string(org);
    charge.reservation_id = std::move(id);
    charge.occurred_at_us = occurred_at;
    charge.subject_model = std::move(subject_model);
    charge.team = std::move(team);
    charge.project = std::move(project);
    charge.user = std::move(user);
    charge.api_key = std::move(api_key);
    charge.labels = std::move(labels);
    charge.cost_center = std::move(cost_center);
  }
  charge.lines.push_back(std::move(line));
  return absl::OkStatus();
}

absl::Status AddCorrection(const sql::Row& row, ByKey* by_key) {
  sql::Bytes key;
  int64_t number, quantity, cost;
  std::string_view by;
  QP_RETURN_IF_ERROR(row.Read(key, number, quantity, cost, by));
  const auto charge = by_key->find(AbslView(key.data));
  if (charge == by_key->end()) return absl::OkStatus();  // its entries have been dropped
  ++charge->second.corrections;
  charge->second.adjusted |= by == "adjustment";
  for (BookedLine& line : charge->second.lines) {
    if (line.line != number) continue;
    if (__builtin_add_overflow(line.quantity_left, quantity, &line.quantity_left) ||
        __builtin_add_overflow(line.cost_left_nano_usd, cost, &line.cost_left_nano_usd)) {
      return absl::OutOfRangeError("the corrections of a charge do not fit into a sum");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<BookedCharge>> ReadCharges(sql::Session& session, std::string_view org,
                                                      const std::vector<ChargeAt>& charges) {
  if (charges.empty()) return std::vector<BookedCharge>();
  const auto [first, last] = std::minmax_element(
      charges.begin(), charges.end(),
      [](const ChargeAt& a, const ChargeAt& b) { return a.occurred_at_us < b.occurred_at_us; });
  ByKey by_key;
  std::vector<sql::Value> parameters = {org, first->occurred_at_us, last->occurred_at_us};
  const std::string usage = absl::StrCat(
      "SELECT charge_key, line, reservation_id, occurred_at_us, attempt, model, subject_model, "
      "priced_as, service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd, "
      "price_version, team, project, user_name, api_key, labels, cost_center, unpriced "
      "FROM ledger_entries WHERE org = $1 AND occurred_at_us >= $2 AND occurred_at_us <= $3 AND "
      "kind = 'usage' AND charge_key IN (",
      KeyList(charges, &parameters), ") ORDER BY charge_key, line");
  QP_RETURN_IF_ERROR(session.Stream({"charged", usage}, parameters, [&](const sql::Row& row) {
    return AddUsage(org, row, &by_key);
  }));
  parameters.clear();
  const std::string corrections = absl::StrCat(
      "SELECT corrects_key, line, quantity, cost_nano_usd, corrected_by FROM ledger_entries "
      "WHERE corrects_key IN (",
      KeyList(charges, &parameters), ")");
  QP_RETURN_IF_ERROR(
      session.Stream({"corrected", corrections}, parameters,
                     [&](const sql::Row& row) { return AddCorrection(row, &by_key); }));
  std::vector<BookedCharge> result;
  result.reserve(by_key.size());
  for (auto& [key, charge] : by_key) result.push_back(std::move(charge));
  return result;
}

absl::StatusOr<std::vector<BookedCharge>> LockCharges(sql::Transaction& transaction,
                                                      std::string_view org,
                                                      const std::vector<ChargeAt>& charges) {
  // SQLite has one writer at a time.
  if (transaction.dialect() == sql::Dialect::kPostgres && !charges.empty()) {
    std::vector<sql::Value> parameters;
    const std::string lock =
        absl::StrCat("SELECT charge_key FROM ledger_keys WHERE charge_key IN (",
                     KeyList(charges, &parameters), ") ORDER BY charge_key FOR UPDATE");
    QP_RETURN_IF_ERROR(transaction.Query({"lock charges", lock}, parameters).status());
  }
  return ReadCharges(transaction, org, charges);
}

}  // namespace quotaplane
