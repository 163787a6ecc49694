#include "libs/control/key_rows.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "libs/control/store_rules.h"
#include "nlohmann/json.hpp"

namespace quotaplane {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kColumns =
    "org, key_id, display_name, team, project, user_name, models, hash, previous_hash, "
    "previous_until_us, expires_at_us, author, created_at_us, rotated_at_us, revoked_by, "
    "revoked_at_us, change_number";

std::string_view ViewOf(const SecretHash& hash) { return {hash.data(), hash.size()}; }

absl::Status ReadHash(sql::Bytes bytes, SecretHash* hash) {
  if (bytes.data.size() != hash->size()) return absl::DataLossError("a key's hash is cut");
  std::copy(bytes.data.begin(), bytes.data.end(), hash->begin());
  return absl::OkStatus();
}

std::optional<int64_t> Maybe(int64_t at_us) {
  return at_us == 0 ? std::nullopt : std::optional<int64_t>(at_us);
}

absl::StatusOr<KeyRow> RowOf(const sql::Row& row) {
  KeyRow read;
  StoredKey& key = read.key;
  std::string models;
  sql::Bytes hash;
  std::optional<sql::Bytes> previous_hash;
  std::optional<int64_t> previous_until, expires, rotated, revoked;
  std::optional<std::string> revoked_by;
  int64_t number = 0;
  QP_RETURN_IF_ERROR(row.Read(key.org, key.id, key.spec.display_name, key.spec.team,
                              key.spec.project, key.spec.user, models, hash, previous_hash,
                              previous_until, expires, key.author, key.created_at_us, rotated,
                              revoked_by, revoked, number));
  QP_RETURN_IF_ERROR(ReadHash(hash, &read.hash));
  if (previous_hash.has_value()) {
    QP_RETURN_IF_ERROR(ReadHash(*previous_hash, &read.previous_hash));
  }
  const Json list = Json::parse(models, nullptr, false);
  if (!list.is_array()) return absl::DataLossError("a key's models cannot be read");
  for (const Json& model : list) {
    if (!model.is_string()) return absl::DataLossError("a key's models cannot be read");
    key.spec.models.push_back(model.get<std::string>());
  }
  key.previous_until_us = previous_until.value_or(0);
  key.spec.expires_at_us = expires.value_or(0);
  key.rotated_at_us = rotated.value_or(0);
  key.revoked_by = revoked_by.value_or("");
  key.revoked_at_us = revoked.value_or(0);
  key.etag = EtagOf(number);
  return read;
}

}  // namespace

KeyState StateAt(const KeyRow& row, int64_t now_us) {
  if (!row.key.revoked_by.empty()) return KeyState::kRevoked;
  const int64_t expires_at_us = row.key.spec.expires_at_us;
  return expires_at_us != 0 && expires_at_us <= now_us ? KeyState::kExpired : KeyState::kActive;
}

StoredKey At(KeyRow row, int64_t now_us) {
  row.key.state = StateAt(row, now_us);
  if (row.key.previous_until_us <= now_us) row.key.previous_until_us = 0;
  return std::move(row.key);
}

void CheckKeySpec(const KeySpec& spec, const std::string& prefix,
                  std::vector<FieldViolation>* wrong) {
  CheckOptionalValue(prefix + "display_name", spec.display_name, wrong);
  CheckOptionalValue(prefix + "team", spec.team, wrong);
  CheckOptionalValue(prefix + "project", spec.project, wrong);
  CheckOptionalValue(prefix + "user", spec.user, wrong);
  if (spec.models.size() > kMaxKeyModels) {
    wrong->push_back({prefix + "models", absl::StrCat("must be at most ", kMaxKeyModels, ", not ",
                                                      spec.models.size())});
  } else {
    for (size_t i = 0; i < spec.models.size(); ++i) {
      RequireValue(absl::StrCat(prefix, "models[", i, "]"), spec.models[i], wrong);
    }
  }
  if (spec.expires_at_us < 0) {
    wrong->push_back({prefix + "expire_time", "must not be before 1970"});
  }
}

absl::StatusOr<std::vector<std::string>> InsertFreeKeys(sql::Session& session,
                                                        const std::vector<KeyRow>& rows,
                                                        int64_t number) {
  using sql::Type;
  absl::flat_hash_set<std::string> inserted;
  for (size_t begin = 0; begin < rows.size(); begin += sql::kMaxBatchRows) {
    const size_t end = std::min(rows.size(), begin + sql::kMaxBatchRows);
    sql::Batch batch;
    batch.table = "virtual_keys";
    batch.columns = {{"org", Type::kText},
                     {"key_id", Type::kText},
                     {"display_name", Type::kText},
                     {"team", Type::kText},
                     {"project", Type::kText},
                     {"user_name", Type::kText},
                     {"models", Type::kText},
                     {"hash", Type::kBytes},
                     {"previous_hash", Type::kBytes},
                     {"previous_until_us", Type::kInt},
                     {"expires_at_us", Type::kInt},
                     {"author", Type::kText},
                     {"created_at_us", Type::kInt},
                     {"change_number", Type::kInt}};
    std::vector<std::string> models;
    models.reserve(end - begin);
    for (size_t i = begin; i < end; ++i) {
      const StoredKey& key = rows[i].key;
      models.push_back(Json(key.spec.models).dump());
      const bool previous = key.previous_until_us != 0;
      batch.values.insert(batch.values.end(),
                          {key.org, key.id, key.spec.display_name, key.spec.team, key.spec.project,
                           key.spec.user, models.back(), sql::Bytes{ViewOf(rows[i].hash)},
                           previous ? sql::Value(sql::Bytes{ViewOf(rows[i].previous_hash)})
                                    : sql::Value::Null(Type::kBytes),
                           Maybe(key.previous_until_us), Maybe(key.spec.expires_at_us), key.author,
                           key.created_at_us, number});
    }
    QP_ASSIGN_OR_RETURN(const sql::Inserted result,
                        session.InsertMany(batch, {.skip_existing = true, .returning = "key_id"}));
    for (size_t i = 0; i < result.returned.size(); ++i) {
      inserted.emplace(result.returned[i][0].text());
    }
  }
  std::vector<std::string> taken;
  for (const KeyRow& row : rows) {
    if (!inserted.contains(row.key.id)) taken.push_back(row.key.id);
  }
  return taken;
}

absl::Status UpdateKey(sql::Session& session, const KeyRow& row, int64_t number) {
  const StoredKey& key = row.key;
  const bool previous = key.previous_until_us != 0;
  const std::string models = Json(key.spec.models).dump();
  const bool revoked = !key.revoked_by.empty();
  return session
      .Execute(
          {"update key",
           "UPDATE virtual_keys SET display_name = $2, team = $3, project = $4, user_name = $5, "
           "models = $6, hash = $7, previous_hash = $8, previous_until_us = $9, "
           "expires_at_us = $10, rotated_at_us = $11, revoked_by = $12, revoked_at_us = $13, "
           "change_number = $14 WHERE key_id = $1"},
          {key.id, key.spec.display_name, key.spec.team, key.spec.project, key.spec.user, models,
           sql::Bytes{ViewOf(row.hash)},
           previous ? sql::Value(sql::Bytes{ViewOf(row.previous_hash)})
                    : sql::Value::Null(sql::Type::kBytes),
           Maybe(key.previous_until_us), Maybe(key.spec.expires_at_us), Maybe(key.rotated_at_us),
           revoked ? sql::Value(key.revoked_by) : sql::Value::Null(sql::Type::kText),
           Maybe(key.revoked_at_us), number})
      .status();
}

absl::StatusOr<std::optional<KeyRow>> ReadKey(sql::Session& session, const std::string& org,
                                              const std::string& id) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"key", absl::StrCat("SELECT ", kColumns,
                                         " FROM virtual_keys WHERE key_id = $1 AND org = $2")},
                    {id, org}));
  if (rows.empty()) return std::optional<KeyRow>();
  QP_ASSIGN_OR_RETURN(KeyRow row, RowOf(rows[0]));
  return std::optional<KeyRow>(std::move(row));
}

absl::StatusOr<std::vector<KeyRow>> ReadKeys(sql::Session& session, const KeyStore::Filter& filter,
                                             const std::string& after, size_t count) {
  std::vector<KeyRow> keys;
  QP_RETURN_IF_ERROR(session.Stream(
      {"keys", absl::StrCat("SELECT ", kColumns,
                            " FROM virtual_keys WHERE org = $1 AND key_id > $2 AND "
                            "($3 = '' OR user_name = $3) AND ($4 = '' OR team = $4) AND "
                            "($5 = '' OR project = $5) ORDER BY key_id LIMIT $6")},
      {filter.org, after, filter.user, filter.team, filter.project, static_cast<int64_t>(count)},
      [&](const sql::Row& row) -> absl::Status {
        QP_ASSIGN_OR_RETURN(KeyRow key, RowOf(row));
        keys.push_back(std::move(key));
        return absl::OkStatus();
      }));
  return keys;
}

absl::StatusOr<int64_t> CountKeys(sql::Session& session, const std::string& org) {
  QP_ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.Query({"count keys", "SELECT COUNT(*) FROM virtual_keys WHERE org = $1"}, {org}));
  return rows[0][0].integer();
}

std::string KeyJson(const StoredKey& key) {
  Json json = {{"id", key.id},
               {"state", KeyStateName(key.state)},
               {"display_name", key.spec.display_name},
               {"team", key.spec.team},
               {"project", key.spec.project},
               {"user", key.spec.user},
               {"models", key.spec.models}};
  if (key.spec.expires_at_us != 0) json["expires"] = FormatUtc(key.spec.expires_at_us);
  if (key.rotated_at_us != 0) json["rotated"] = FormatUtc(key.rotated_at_us);
  if (key.previous_until_us != 0) json["previous_until"] = FormatUtc(key.previous_until_us);
  if (!key.revoked_by.empty()) {
    json["revoked_by"] = key.revoked_by;
    json["revoked"] = FormatUtc(key.revoked_at_us);
  }
  return json.dump();
}

ChangeRecord::ItemWrite KeyItem(const ItemCodec& codec, const KeyRow& row) {
  const StoredKey& stored = row.key;
  VirtualKey key;
  key.id = stored.id;
  key.org = stored.org;
  key.team = stored.spec.team;
  key.project = stored.spec.project;
  key.user = stored.spec.user;
  for (const std::string& model : stored.spec.models) key.models.emplace_back(model);
  key.hash = row.hash;
  if (stored.previous_until_us != 0) {
    key.previous_hash = row.previous_hash;
    key.previous_until_us = stored.previous_until_us;
  }
  key.expires_at_us = stored.spec.expires_at_us;
  key.revoked = !stored.revoked_by.empty();
  key.revoked_at_us = stored.revoked_at_us;
  return {KeyItemName(stored.id), codec.EncodeKey(key)};
}

}  // namespace quotaplane
