#include "libs/ledger/erasure_sql.h"

#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/absl_view.h"
#include "libs/base/json_string.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/ledger/identities.h"
#include "libs/ledger/ledger_rows.h"

namespace quotaplane {
namespace {

// All of an org's entries are looked at, for labels.
constexpr absl::Duration kTimeout = absl::Hours(1);

// Only the person's own. Replaced in the same statement, so that each entry changes once.
constexpr std::string_view kEntries =
    "UPDATE ledger_entries SET "
    "reservation_id = CASE WHEN user_name = $2 THEN REPLACE(reservation_id, $2, $3) ELSE "
    "reservation_id END, "
    "reason = CASE WHEN user_name = $2 THEN REPLACE(reason, $2, $3) ELSE reason END, "
    "user_name = CASE WHEN user_name = $2 THEN $3 ELSE user_name END, "
    "api_key = CASE WHEN api_key = $2 THEN $3 ELSE api_key END, "
    "labels = REPLACE(labels, $4, $5) "
    "WHERE org = $1 AND (user_name = $2 OR api_key = $2 OR labels LIKE $6 ESCAPE '\\')";

constexpr std::string_view kRefusals =
    "UPDATE ledger_refusals SET "
    "user_name = CASE WHEN user_name = $2 THEN $3 ELSE user_name END, "
    "api_key = CASE WHEN api_key = $2 THEN $3 ELSE api_key END, "
    "labels = REPLACE(labels, $4, $5) "
    "WHERE org = $1 AND (user_name = $2 OR api_key = $2 OR labels LIKE $6 ESCAPE '\\')";

// Sums of one bucket may meet under the pseudonym: it was erased before.
std::string MergeSql(std::string_view table) {
  const absl::string_view t = AbslView(table);
  return absl::StrCat(
      "INSERT INTO ", t,
      " (org, bucket_us, cost_center, team, project, user_name, model, meter, quantity, "
      "cost_nano_usd, requests, overrun_nano_usd, denied) SELECT org, bucket_us, cost_center, "
      "team, project, $3, model, meter, quantity, cost_nano_usd, requests, overrun_nano_usd, "
      "denied FROM ",
      t,
      " WHERE org = $1 AND user_name = $2 ON CONFLICT (org, bucket_us, cost_center, team, project, "
      "user_name, model, meter) DO UPDATE SET quantity = ",
      t, ".quantity + excluded.quantity, cost_nano_usd = ", t,
      ".cost_nano_usd + excluded.cost_nano_usd, requests = ", t,
      ".requests + excluded.requests, overrun_nano_usd = ", t,
      ".overrun_nano_usd + excluded.overrun_nano_usd, denied = ", t, ".denied + excluded.denied");
}

absl::StatusOr<std::string> SaltOf(sql::Transaction& transaction) {
  QP_ASSIGN_OR_RETURN(std::string salt, ReadSalt(transaction));
  if (!salt.empty()) return salt;
  QP_RETURN_IF_ERROR(transaction
                         .Execute({"salt",
                                   "INSERT INTO erasure_salt (only_one, salt) VALUES (1, $1) "
                                   "ON CONFLICT DO NOTHING"},
                                  {sql::Bytes{RandomDigest().view()}})
                         .status());
  return ReadSalt(transaction);
}

// What a label's value looks like in JSON. Within a string its quotes would be escaped, so this is
// a value wherever it stands.
std::string LabelValue(const std::string& value) { return ":" + JsonString(value); }

}  // namespace

absl::StatusOr<std::string> RegisterErasure(sql::Transaction& transaction, const std::string& org,
                                            const std::string& user, int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const std::string salt, SaltOf(transaction));
  const Digest digest = UserDigest(salt, org, user);
  const std::string pseudonym =
      absl::StrCat("erased-", absl::BytesToHexString(AbslView(RandomDigest().view().substr(0, 8))));
  QP_RETURN_IF_ERROR(
      transaction
          .Execute({"erasure",
                    "INSERT INTO erasures (user_digest, org, pseudonym, erased_at_us) VALUES ($1, "
                    "$2, $3, $4) ON CONFLICT (user_digest) DO UPDATE SET erased_at_us = CASE WHEN "
                    "excluded.erased_at_us > erasures.erased_at_us THEN excluded.erased_at_us ELSE "
                    "erasures.erased_at_us END"},
                   {sql::Bytes{digest.view()}, org, pseudonym, now_us})
          .status());
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      transaction.Query({"pseudonym", "SELECT pseudonym FROM erasures WHERE user_digest = $1"},
                        {sql::Bytes{digest.view()}}));
  if (rows.empty()) return absl::InternalError("an erasure that was written is not there");
  return std::string(rows[0][0].text());
}

absl::StatusOr<Renamed> RenameRows(sql::Transaction& transaction, const Person& person) {
  const std::string label = LabelValue(person.user);
  const std::string pattern = absl::StrCat(
      "%", absl::StrReplaceAll(label, {{"\\", "\\\\"}, {"%", "\\%"}, {"_", "\\_"}}), "%");
  const std::string new_label = LabelValue(person.pseudonym);
  const std::array<sql::Value, 6> parameters = {person.org, person.user, person.pseudonym,
                                                label,      new_label,   pattern};
  Renamed renamed;
  QP_ASSIGN_OR_RETURN(renamed.entries,
                      transaction.Execute({"erase entries", kEntries, kTimeout}, parameters));
  QP_ASSIGN_OR_RETURN(renamed.refusals,
                      transaction.Execute({"erase refusals", kRefusals, kTimeout}, parameters));
  for (const std::string_view table : {"rollup_hour", "rollup_day"}) {
    QP_RETURN_IF_ERROR(transaction
                           .Execute({"erase sums", MergeSql(table), kTimeout},
                                    {person.org, person.user, person.pseudonym})
                           .status());
    QP_RETURN_IF_ERROR(transaction
                           .Execute({"erase sums",
                                     absl::StrCat("DELETE FROM ", AbslView(table),
                                                  " WHERE org = $1 AND user_name = $2"),
                                     kTimeout},
                                    {person.org, person.user})
                           .status());
  }
  return renamed;
}

}  // namespace quotaplane
