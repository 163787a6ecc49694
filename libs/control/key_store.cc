#include "libs/control/key_store.h"

#include <array>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/error.h"
#include "libs/base/quote.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/control/key_rows.h"
#include "libs/control/store_rules.h"

namespace quotaplane {
namespace {

constexpr int64_t kMaxDroppedKeys = 1'000;

absl::Status Unknown(std::string_view id) {
  return absl::NotFoundError(absl::StrCat("the org has no key ", QuoteForMessage(id)));
}

// Expiries that were there already may have come.
void RequireFuture(int64_t expires_at_us, int64_t now_us, std::vector<FieldViolation>* wrong) {
  if (expires_at_us <= 0 || expires_at_us > now_us) return;
  wrong->push_back({"key.expire_time", absl::StrCat("must be after now, ", FormatUtc(now_us))});
}

// The key as it is now, if it may be `done` to. An empty etag is taken where `any_etag`.
absl::StatusOr<KeyRow> ReadForChange(const OpenChange& change, const std::string& id,
                                     const std::string& etag, bool any_etag,
                                     std::initializer_list<KeyState> allowed,
                                     std::string_view done) {
  QP_ASSIGN_OR_RETURN(std::optional<KeyRow> row,
                      ReadKey(change.transaction, change.request.org, id));
  if (!row.has_value()) return Unknown(id);
  if (!any_etag || !etag.empty()) QP_RETURN_IF_ERROR(CheckEtag(etag, row->key.etag));
  row->key.state = StateAt(*row, change.request.now_us);
  for (const KeyState state : allowed) {
    if (row->key.state == state) return *std::move(row);
  }
  return WrongState("the key", KeyStateName(row->key.state), done);
}

std::string BeforeOf(const KeyRow& row, const OpenChange& change) {
  return KeyJson(At(row, change.request.now_us));
}

// Of a row that has just been written.
Changed<StoredKey> ChangedTo(const ItemCodec& codec, KeyRow row, std::string before,
                             const OpenChange& change) {
  Changed<StoredKey> changed;
  row.key.etag = EtagOf(change.number);
  changed.record.items.push_back(KeyItem(codec, row));
  changed.now = At(std::move(row), change.request.now_us);
  changed.record.target = absl::StrCat("key/", changed.now.id);
  changed.record.before = std::move(before);
  changed.record.after = KeyJson(changed.now);
  return changed;
}

Changed<KeyWithSecret> WithSecret(Changed<StoredKey> changed, std::string secret) {
  return {{std::move(changed.now), std::move(secret)}, std::move(changed.record)};
}

void Merge(const KeyUpdate& update, KeySpec* spec) {
  if (update.display_name.has_value()) spec->display_name = *update.display_name;
  if (update.team.has_value()) spec->team = *update.team;
  if (update.project.has_value()) spec->project = *update.project;
  if (update.user.has_value()) spec->user = *update.user;
  if (update.models.has_value()) spec->models = *update.models;
  if (update.expires_at_us.has_value()) spec->expires_at_us = *update.expires_at_us;
}

bool IsEmpty(const KeyUpdate& update) {
  return !update.display_name.has_value() && !update.team.has_value() &&
         !update.project.has_value() && !update.user.has_value() && !update.models.has_value() &&
         !update.expires_at_us.has_value();
}

// Those of `ids` that ended long enough ago, and still are there.
absl::StatusOr<ChangeRecord> DropKeys(sql::Session& session, const std::vector<std::string>& ids,
                                      int64_t ended_by_us) {
  ChangeRecord record;
  record.target = "keys";
  for (const std::string& id : ids) {
    QP_ASSIGN_OR_RETURN(const int64_t dropped,
                        session.Execute({"drop key",
                                         "DELETE FROM virtual_keys WHERE key_id = $1 AND "
                                         "(revoked_at_us <= $2 OR expires_at_us <= $2)"},
                                        {id, ended_by_us}));
    if (dropped > 0) record.items.push_back({KeyItemName(id), ""});
  }
  record.after = absl::StrCat("{\"dropped\":", record.items.size(), "}");
  return record;
}

}  // namespace

std::string_view KeyStateName(KeyState state) {
  static constexpr std::array<std::string_view, 3> kNames = {"ACTIVE", "EXPIRED", "REVOKED"};
  return kNames[static_cast<size_t>(state)];
}

absl::StatusOr<Changed<KeyWithSecret>> KeyStore::Create(const OpenChange& change,
                                                        const KeySpec& spec) const {
  const ChangeRequest& request = change.request;
  std::vector<FieldViolation> wrong;
  CheckKeySpec(spec, "key.", &wrong);
  RequireFuture(spec.expires_at_us, request.now_us, &wrong);
  if (!wrong.empty()) return FieldError(wrong);
  QP_ASSIGN_OR_RETURN(const int64_t count, CountKeys(change.transaction, request.org));
  if (count >= static_cast<int64_t>(kMaxKeysPerOrg)) {
    return TooMany(absl::StrCat("an org has at most ", kMaxKeysPerOrg, " keys; revoke some"));
  }
  NewSecret made = MakeKey();
  KeyRow row;
  row.key.org = request.org;
  row.key.id = std::move(made.id);
  row.key.spec = spec;
  row.key.author = request.actor;
  row.key.created_at_us = request.now_us;
  row.hash = made.hash;
  QP_ASSIGN_OR_RETURN(const std::vector<std::string> taken,
                      InsertFreeKeys(change.transaction, {row}, change.number));
  if (!taken.empty()) return absl::AbortedError("the key's new id is taken; try again");
  return WithSecret(ChangedTo(*codec_, std::move(row), "", change), std::move(made.text));
}

absl::StatusOr<Changed<StoredKey>> KeyStore::Update(const OpenChange& change, const std::string& id,
                                                    const std::string& etag,
                                                    const KeyUpdate& update) const {
  if (IsEmpty(update)) return FieldError({{"update_mask", "must name at least one field"}});
  QP_ASSIGN_OR_RETURN(KeyRow row,
                      ReadForChange(change, id, etag, /*any_etag=*/false,
                                    {KeyState::kActive, KeyState::kExpired}, "changed"));
  std::string before = BeforeOf(row, change);
  Merge(update, &row.key.spec);
  std::vector<FieldViolation> wrong;
  CheckKeySpec(row.key.spec, "key.", &wrong);
  RequireFuture(update.expires_at_us.value_or(0), change.request.now_us, &wrong);
  if (!wrong.empty()) return FieldError(wrong);
  QP_RETURN_IF_ERROR(UpdateKey(change.transaction, row, change.number));
  return ChangedTo(*codec_, std::move(row), std::move(before), change);
}

absl::StatusOr<Changed<KeyWithSecret>> KeyStore::Rotate(const OpenChange& change,
                                                        const std::string& id,
                                                        const std::string& etag,
                                                        int64_t grace_us) const {
  if (grace_us < 0 || grace_us > kMaxKeyGraceUs) {
    return FieldError(
        {{"grace_seconds", absl::StrCat("must be from 0 to ", kMaxKeyGraceUs / 1'000'000)}});
  }
  QP_ASSIGN_OR_RETURN(KeyRow row, ReadForChange(change, id, etag, /*any_etag=*/false,
                                                {KeyState::kActive}, "rotated"));
  std::string before = BeforeOf(row, change);
  NewSecret made = MakeSecretFor(id);
  row.previous_hash = row.hash;
  row.hash = made.hash;
  row.key.rotated_at_us = change.request.now_us;
  // Without a grace it stays known all the same: what was spent with it is still to be charged.
  row.key.previous_until_us = change.request.now_us + grace_us;
  QP_RETURN_IF_ERROR(UpdateKey(change.transaction, row, change.number));
  return WithSecret(ChangedTo(*codec_, std::move(row), std::move(before), change),
                    std::move(made.text));
}

absl::StatusOr<Changed<StoredKey>> KeyStore::Revoke(const OpenChange& change, const std::string& id,
                                                    const std::string& etag) const {
  QP_ASSIGN_OR_RETURN(KeyRow row,
                      ReadForChange(change, id, etag, /*any_etag=*/true,
                                    {KeyState::kActive, KeyState::kExpired}, "revoked"));
  std::string before = BeforeOf(row, change);
  row.key.revoked_by = change.request.actor;
  row.key.revoked_at_us = change.request.now_us;
  QP_RETURN_IF_ERROR(UpdateKey(change.transaction, row, change.number));
  return ChangedTo(*codec_, std::move(row), std::move(before), change);
}

absl::StatusOr<StoredKey> KeyStore::Get(sql::Session& session, const std::string& org,
                                        const std::string& id, int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(std::optional<KeyRow> row, ReadKey(session, org, id));
  if (!row.has_value()) return Unknown(id);
  return At(*std::move(row), now_us);
}

absl::StatusOr<std::vector<StoredKey>> KeyStore::List(sql::Session& session, const Filter& filter,
                                                      const std::string& after, size_t count,
                                                      int64_t now_us) const {
  QP_ASSIGN_OR_RETURN(std::vector<KeyRow> rows, ReadKeys(session, filter, after, count));
  std::vector<StoredKey> keys;
  keys.reserve(rows.size());
  for (KeyRow& row : rows) keys.push_back(At(std::move(row), now_us));
  return keys;
}

absl::StatusOr<int> KeyStore::DropEnded(sql::Database& database, Changes& changes,
                                        int64_t now_us) const {
  const int64_t ended_by_us = now_us - kKeepEndedUs;
  QP_ASSIGN_OR_RETURN(const sql::Rows rows,
                      database.Query({"ended keys",
                                      "SELECT org, key_id FROM virtual_keys WHERE "
                                      "revoked_at_us <= $1 UNION SELECT org, key_id FROM "
                                      "virtual_keys WHERE expires_at_us <= $1 LIMIT $2"},
                                     {ended_by_us, kMaxDroppedKeys}));
  std::map<std::string, std::vector<std::string>> by_org;
  for (size_t i = 0; i < rows.size(); ++i) {
    by_org[std::string(rows[i][0].text())].emplace_back(rows[i][1].text());
  }
  for (const auto& entry : by_org) {
    const std::vector<std::string>& ids = entry.second;
    ChangeRequest request;
    request.org = entry.first;
    request.actor = std::string(kUpkeepActor);
    request.action = "DropEndedKeys";
    request.request_id = absl::BytesToHexString(AbslView(RandomDigest().view()));
    request.now_us = now_us;
    const absl::StatusOr<ChangeOutcome> made =
        changes.Make(request, "keys", [&](sql::Transaction& transaction, int64_t) {
          return DropKeys(transaction, ids, ended_by_us);
        });
    if (!made.ok()) return made.status();
  }
  return static_cast<int>(rows.size());
}

}  // namespace quotaplane
