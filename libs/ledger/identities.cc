#include "libs/ledger/identities.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

// Names that one statement looks up.
constexpr size_t kLookUp = 500;

absl::Status FindSome(sql::Session& session, std::string_view salt,
                      std::span<const std::pair<std::string, std::string>> users,
                      ErasedUsers* found) {
  std::vector<Digest> digests;
  for (const auto& [org, user] : users) digests.push_back(UserDigest(salt, org, user));
  std::string sql =
      "SELECT user_digest, pseudonym, erased_at_us FROM erasures WHERE user_digest IN (";
  std::vector<sql::Value> parameters;
  for (const Digest& digest : digests) {
    absl::StrAppend(&sql, parameters.empty() ? "$" : ", $", parameters.size() + 1);
    parameters.emplace_back(sql::Bytes{digest.view()});
  }
  sql += ")";
  QP_ASSIGN_OR_RETURN(const sql::Rows rows, session.Query({"erased", sql}, parameters));
  for (size_t i = 0; i < rows.size(); ++i) {
    sql::Bytes digest;
    ErasedUser erased;
    QP_RETURN_IF_ERROR(rows[i].Read(digest, erased.pseudonym, erased.erased_at_us));
    for (size_t k = 0; k < users.size(); ++k) {
      if (digests[k].view() == digest.data) found->emplace(users[k], erased);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LockIdentities(sql::Transaction& transaction) {
  // SQLite has one writer at a time.
  if (transaction.dialect() == sql::Dialect::kSqlite) return absl::OkStatus();
  return transaction.RunScript({"identities", "LOCK TABLE erasures IN SHARE MODE"});
}

Digest UserDigest(std::string_view salt, std::string_view org, std::string_view user) {
  FieldBuffer fields;
  return fields.Add(salt).Add(org).Add(user).digest();
}

absl::StatusOr<std::string> ReadSalt(sql::Session& session) {
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      session.Query({"salt", "SELECT salt FROM erasure_salt"}));
  return rows.empty() ? std::string() : std::string(rows[0][0].bytes());
}

absl::StatusOr<ErasedUsers> FindErased(
    sql::Session& session, const std::vector<std::pair<std::string, std::string>>& users) {
  ErasedUsers found;
  QP_ASSIGN_OR_RETURN(const std::string salt, ReadSalt(session));
  if (salt.empty()) return found;
  for (size_t at = 0; at < users.size(); at += kLookUp) {
    const size_t count = std::min(kLookUp, users.size() - at);
    QP_RETURN_IF_ERROR(FindSome(session, salt, std::span(users).subspan(at, count), &found));
  }
  return found;
}

absl::StatusOr<std::map<std::string, int64_t>> LastErasures(sql::Session& session) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"erasures", "SELECT org, MAX(erased_at_us) FROM erasures GROUP BY org"}));
  std::map<std::string, int64_t> last;
  for (size_t i = 0; i < rows.size(); ++i) {
    last[std::string(rows[i][0].text())] = rows[i][1].integer();
  }
  return last;
}

void Pseudonymise(const std::string& pseudonym, ChargeRecord* record) {
  record->id = ReplaceAll(record->id, record->subject.user, pseudonym);
  Pseudonymise(pseudonym, &record->subject);
}

void Pseudonymise(const std::string& pseudonym, Subject* subject) {
  const std::string user = std::exchange(subject->user, pseudonym);
  if (subject->api_key == user) subject->api_key = pseudonym;
  for (auto& [key, value] : subject->labels) {
    if (value == user) value = pseudonym;
  }
}

Subject WithName(const std::string& pseudonym, const std::string& user, Subject subject) {
  if (subject.user == pseudonym) subject.user = user;
  if (subject.api_key == pseudonym) subject.api_key = user;
  for (auto& [key, value] : subject.labels) {
    if (value == pseudonym) value = user;
  }
  return subject;
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  return absl::StrReplaceAll(AbslView(text), {{AbslView(from), AbslView(to)}});
}

}  // namespace quotaplane
