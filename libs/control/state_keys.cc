#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/quote.h"
#include "libs/base/status_macros.h"
#include "libs/control/key_rows.h"
#include "libs/control/state_parts.h"
#include "libs/control/store_rules.h"

namespace quotaplane {
namespace {

using Kind = StateChange::Kind;

constexpr size_t kIdCharacters = 16;
// With those that ended, which stay for a while.
constexpr size_t kMaxReadKeys = 2 * kMaxStateKeys;

bool IsKeyId(std::string_view text) {
  return text.size() == kIdCharacters && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
         });
}

KeySpec SpecOf(const StateKey& key) {
  return {key.display_name, key.team, key.project, key.user, key.models, key.expires_at_us};
}

StateKey ToState(const KeyRow& row, int64_t now_us) {
  StateKey key;
  key.id = row.key.id;
  key.display_name = row.key.spec.display_name;
  key.team = row.key.spec.team;
  key.project = row.key.spec.project;
  key.user = row.key.spec.user;
  key.models = row.key.spec.models;
  key.expires_at_us = row.key.spec.expires_at_us;
  key.hash = row.hash;
  if (row.key.previous_until_us > now_us) {
    key.previous_hash = row.previous_hash;
    key.previous_until_us = row.key.previous_until_us;
  }
  return key;
}

std::string PathOf(const std::string& id) { return absl::StrCat("keys[", id, "]"); }

// Secrets whose grace is over are none.
bool SameSecrets(const KeyRow& row, const StateKey& wanted, int64_t now_us) {
  const StateKey has = ToState(row, now_us);
  if (has.hash != wanted.hash) return false;
  if (has.previous_until_us == 0) return wanted.previous_until_us <= now_us;
  return has.previous_hash == wanted.previous_hash &&
         has.previous_until_us == wanted.previous_until_us;
}

std::string TimeOrNever(int64_t us) { return us == 0 ? "" : FormatUtc(us); }

void AddDifferences(const std::string& id, const KeySpec& has, const KeySpec& wanted,
                    StateWork* work) {
  const auto compare = [&](const char* field, std::string before, std::string after) {
    if (before == after) return;
    work->Add({Kind::kChanged, absl::StrCat(PathOf(id), ".", field), std::move(before),
               std::move(after)});
  };
  compare("display_name", has.display_name, wanted.display_name);
  compare("team", has.team, wanted.team);
  compare("project", has.project, wanted.project);
  compare("user", has.user, wanted.user);
  compare("models", absl::StrJoin(has.models, ", "), absl::StrJoin(wanted.models, ", "));
  compare("expires", TimeOrNever(has.expires_at_us), TimeOrNever(wanted.expires_at_us));
}

class KeysPart {
 public:
  KeysPart(const OpenChange& change, const ItemCodec& codec, StateWork* work)
      : change_(change), codec_(codec), work_(work) {}

  absl::Status ReadRows() {
    QP_ASSIGN_OR_RETURN(std::vector<KeyRow> rows,
                        ReadKeys(change_.transaction, {change_.request.org}, "", kMaxReadKeys + 1));
    if (rows.size() > kMaxReadKeys) {
      return TooMany("the org has too many keys for a state document");
    }
    for (KeyRow& row : rows) {
      std::string id = row.key.id;
      rows_.emplace(std::move(id), std::move(row));
    }
    return absl::OkStatus();
  }

  absl::Status Apply(const StateKey& wanted, size_t index) {
    const std::string prefix = absl::StrCat("keys[", index, "].");
    const auto found = rows_.find(wanted.id);
    if (found == rows_.end()) {
      if (!IsOver(wanted)) AddNew(wanted, prefix);
      return absl::OkStatus();
    }
    const KeyRow& row = found->second;
    if (!row.key.revoked_by.empty()) {
      if (!IsOver(wanted)) work_->Add({Kind::kLeft, PathOf(wanted.id), "REVOKED", ""});
      return absl::OkStatus();
    }
    if (!SameSecrets(row, wanted, now_us())) {
      work_->wrong.push_back({prefix + "hash",
                              "is another secret than the key's; a document changes none: rotate "
                              "the key, and export again"});
      return absl::OkStatus();
    }
    return Change(row, wanted, prefix);
  }

  // All that are in force and not among `wanted`.
  absl::Status RevokeOthers(const std::set<std::string_view>& wanted) {
    for (const auto& [id, row] : rows_) {
      if (wanted.contains(id) || StateAt(row, now_us()) != KeyState::kActive) continue;
      KeyRow revoked = row;
      revoked.key.revoked_by = change_.request.actor;
      revoked.key.revoked_at_us = now_us();
      QP_RETURN_IF_ERROR(UpdateKey(change_.transaction, revoked, change_.number));
      work_->items.push_back(KeyItem(codec_, revoked));
      work_->Add({Kind::kRemoved, PathOf(id), KeyJson(At(row, now_us())), ""});
    }
    return absl::OkStatus();
  }

  // Those that are new, at once.
  absl::Status InsertNew() {
    if (new_.empty()) return absl::OkStatus();
    if (rows_.size() + new_.size() > kMaxKeysPerOrg) {
      return TooMany(absl::StrCat("an org has at most ", kMaxKeysPerOrg, " keys"));
    }
    QP_ASSIGN_OR_RETURN(const std::vector<std::string> taken,
                        InsertFreeKeys(change_.transaction, new_, change_.number));
    for (const std::string& id : taken) {
      work_->wrong.push_back({PathOf(id), "is the id of another key; ids are for good"});
    }
    for (const KeyRow& row : new_) {
      work_->items.push_back(KeyItem(codec_, row));
      work_->Add({Kind::kAdded, PathOf(row.key.id), "", KeyJson(At(row, now_us()))});
    }
    return absl::OkStatus();
  }

 private:
  int64_t now_us() const { return change_.request.now_us; }
  bool IsOver(const StateKey& key) const {
    return key.expires_at_us != 0 && key.expires_at_us <= now_us();
  }

  void AddNew(const StateKey& wanted, const std::string& prefix) {
    const size_t before = work_->wrong.size();
    if (!IsKeyId(wanted.id)) {
      work_->wrong.push_back({prefix + "id", absl::StrCat("must be 16 of a to z and 2 to 7, not ",
                                                          QuoteForMessage(wanted.id))});
    }
    CheckKeySpec(SpecOf(wanted), prefix, &work_->wrong);
    if (wanted.previous_until_us > now_us() + kMaxKeyGraceUs) {
      work_->wrong.push_back({prefix + "previous_until", "must be at most 30 days ahead"});
    }
    if (work_->wrong.size() > before) return;
    KeyRow row;
    row.key.org = change_.request.org;
    row.key.id = wanted.id;
    row.key.spec = SpecOf(wanted);
    row.key.author = change_.request.actor;
    row.key.created_at_us = now_us();
    row.hash = wanted.hash;
    if (wanted.previous_until_us > now_us()) {
      row.previous_hash = wanted.previous_hash;
      row.key.previous_until_us = wanted.previous_until_us;
    }
    new_.push_back(std::move(row));
  }

  absl::Status Change(KeyRow row, const StateKey& wanted, const std::string& prefix) {
    const KeySpec spec = SpecOf(wanted);
    if (row.key.spec == spec) return absl::OkStatus();
    const size_t before = work_->wrong.size();
    CheckKeySpec(spec, prefix, &work_->wrong);
    if (work_->wrong.size() > before) return absl::OkStatus();
    AddDifferences(wanted.id, row.key.spec, spec, work_);
    row.key.spec = spec;
    QP_RETURN_IF_ERROR(UpdateKey(change_.transaction, row, change_.number));
    work_->items.push_back(KeyItem(codec_, row));
    return absl::OkStatus();
  }

  const OpenChange& change_;
  const ItemCodec& codec_;
  StateWork* const work_;
  std::map<std::string, KeyRow, std::less<>> rows_;
  std::vector<KeyRow> new_;
};

}  // namespace

absl::StatusOr<std::vector<StateKey>> ReadStateKeys(sql::Session& session, const std::string& org,
                                                    int64_t now_us) {
  QP_ASSIGN_OR_RETURN(const std::vector<KeyRow> rows,
                      ReadKeys(session, {org}, "", kMaxReadKeys + 1));
  std::vector<StateKey> keys;
  for (const KeyRow& row : rows) {
    if (StateAt(row, now_us) == KeyState::kActive) keys.push_back(ToState(row, now_us));
  }
  if (rows.size() > kMaxReadKeys || keys.size() > kMaxStateKeys) {
    return TooMany(absl::StrCat("a state document has at most ", kMaxStateKeys, " keys"));
  }
  return keys;
}

absl::Status ApplyKeys(const OpenChange& change, const ItemCodec& codec,
                       const std::vector<StateKey>& keys, StateWork* work) {
  KeysPart part(change, codec, work);
  QP_RETURN_IF_ERROR(part.ReadRows());
  std::set<std::string_view> wanted;
  for (size_t i = 0; i < keys.size(); ++i) {
    wanted.insert(keys[i].id);
    QP_RETURN_IF_ERROR(part.Apply(keys[i], i));
  }
  QP_RETURN_IF_ERROR(part.RevokeOthers(wanted));
  return part.InsertNew();
}

}  // namespace quotaplane
