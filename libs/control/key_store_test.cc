#include "libs/control/key_store.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "libs/control/key_rows.h"
#include "libs/control/test_stores.h"

namespace quotaplane {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class KeyStoreTest : public StoresTest {
 protected:
  static KeySpec CiSpec() {
    return {"CI of search", "search", "web", "ci", {"claude-*", "gpt-5"}, 0};
  }
  absl::StatusOr<KeyWithSecret> Create(const KeySpec& spec, const std::string& org = "acme") {
    return Make(RequestOf("admin", org),
                [&](const OpenChange& change) { return store_.Create(change, spec); });
  }
  KeyWithSecret MustCreate(const KeySpec& spec, const std::string& org = "acme") {
    const absl::StatusOr<KeyWithSecret> made = Create(spec, org);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : KeyWithSecret();
  }
  absl::StatusOr<StoredKey> Update(const StoredKey& key, const KeyUpdate& update) {
    return Make(RequestOf("admin"), [&](const OpenChange& change) {
      return store_.Update(change, key.id, key.etag, update);
    });
  }
  absl::StatusOr<KeyWithSecret> Rotate(const StoredKey& key, int64_t grace_us) {
    return Make(RequestOf("admin"), [&](const OpenChange& change) {
      return store_.Rotate(change, key.id, key.etag, grace_us);
    });
  }
  absl::StatusOr<StoredKey> Revoke(const std::string& id, const std::string& etag = "") {
    return Make(RequestOf("admin"),
                [&](const OpenChange& change) { return store_.Revoke(change, id, etag); });
  }
  StoredKey Get(const std::string& id) {
    const absl::StatusOr<StoredKey> key = store_.Get(*db_, "acme", id, now_us_);
    EXPECT_TRUE(key.ok()) << key.status();
    return key.ok() ? *key : StoredKey();
  }

  // What the item says of a secret.
  static std::string HashIn(const std::string& secret) {
    const SecretHash hash = ParseKeyText(secret)->hash;
    return absl::StrCat(HashOf({hash.data(), hash.size()}).low64());
  }

  const KeyStore store_{&codec_};
};

TEST_P(KeyStoreTest, TheSecretIsShownOnce) {
  const KeyWithSecret made = MustCreate(CiSpec());
  EXPECT_THAT(made.secret, StartsWith("qpk_" + made.key.id + "_"));
  EXPECT_EQ(Item("key/" + made.key.id),
            "acme/search/web/ci claude-* gpt-5 hash " + HashIn(made.secret));
  const std::string secret = made.secret.substr(made.secret.rfind('_') + 1);
  for (const char* column : {"before_json", "after_json", "reason", "target"}) {
    EXPECT_THAT(LastAudit(column), AllOf(Not(HasSubstr(secret)), Not(HasSubstr("hash"))));
  }
  EXPECT_EQ(LastAudit("target"), "key/" + made.key.id);
  EXPECT_THAT(LastAudit("after_json"), HasSubstr("\"team\":\"search\""));
  const StoredKey read = Get(made.key.id);
  EXPECT_EQ(read.spec, CiSpec());
  EXPECT_EQ(read.state, KeyState::kActive);
  EXPECT_EQ(read.author, "admin");
  EXPECT_EQ(read.created_at_us, now_us_);
  EXPECT_EQ(read.etag, made.key.etag);
}

TEST_P(KeyStoreTest, ChangesWhatTheMaskNames) {
  const StoredKey key = MustCreate(CiSpec()).key;
  KeyUpdate update;
  update.team = "ads";
  update.models = std::vector<std::string>{};
  const absl::StatusOr<StoredKey> updated = Update(key, update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->spec, (KeySpec{"CI of search", "ads", "web", "ci", {}, 0}));
  EXPECT_THAT(Item("key/" + key.id), StartsWith("acme/ads/web/ci hash "));
  EXPECT_THAT(LastAudit("before_json"), HasSubstr("\"team\":\"search\""));
  EXPECT_THAT(LastAudit("after_json"), HasSubstr("\"team\":\"ads\""));

  EXPECT_EQ(ReasonIn(Update(key, update).status()), "ETAG_MISMATCH");
  EXPECT_EQ(FieldViolationsOf(Update(*updated, {}).status())[0].field, "update_mask");
  KeyUpdate bad;
  bad.user = "a\tb";
  EXPECT_EQ(FieldViolationsOf(Update(*updated, bad).status())[0].field, "key.user");
  EXPECT_EQ(Get(key.id).spec, updated->spec);
}

TEST_P(KeyStoreTest, ARotatedSecretIsGoodForTheGrace) {
  const KeyWithSecret made = MustCreate(CiSpec());
  now_us_ += kHourUs;
  const absl::StatusOr<KeyWithSecret> rotated = Rotate(made.key, kDayUs);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_NE(rotated->secret, made.secret);
  EXPECT_THAT(rotated->secret, StartsWith("qpk_" + made.key.id + "_"));
  EXPECT_EQ(rotated->key.previous_until_us, now_us_ + kDayUs);
  EXPECT_EQ(rotated->key.rotated_at_us, now_us_);
  EXPECT_EQ(Item("key/" + made.key.id),
            absl::StrCat("acme/search/web/ci claude-* gpt-5 hash ", HashIn(rotated->secret),
                         " previous ", HashIn(made.secret), " until ", now_us_ + kDayUs));
  now_us_ += kDayUs;
  EXPECT_EQ(Get(made.key.id).previous_until_us, 0);

  // At once, and the one before is forgotten.
  const absl::StatusOr<KeyWithSecret> again = Rotate(rotated->key, 0);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->key.previous_until_us, 0);
  EXPECT_EQ(Item("key/" + made.key.id),
            absl::StrCat("acme/search/web/ci claude-* gpt-5 hash ", HashIn(again->secret),
                         " previous ", HashIn(rotated->secret), " until ", now_us_));
  EXPECT_EQ(FieldViolationsOf(Rotate(again->key, kMaxKeyGraceUs + 1).status())[0].field,
            "grace_seconds");
  EXPECT_EQ(FieldViolationsOf(Rotate(again->key, -1).status())[0].field, "grace_seconds");
}

TEST_P(KeyStoreTest, RevokedForGood) {
  const StoredKey key = MustCreate(CiSpec()).key;
  EXPECT_EQ(ReasonIn(Revoke(key.id, "0").status()), "ETAG_MISMATCH");
  const absl::StatusOr<StoredKey> revoked = Revoke(key.id);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->state, KeyState::kRevoked);
  EXPECT_EQ(revoked->revoked_by, "admin");
  EXPECT_THAT(Item("key/" + key.id), HasSubstr(absl::StrCat(" revoked ", now_us_)));
  const absl::Status twice = Revoke(key.id).status();
  EXPECT_EQ(ReasonIn(twice), "WRONG_STATE");
  EXPECT_EQ(MetadataOf(twice)["state"], "REVOKED");
  EXPECT_EQ(ReasonIn(Rotate(*revoked, 0).status()), "WRONG_STATE");
  KeyUpdate update;
  update.team = "ads";
  EXPECT_EQ(ReasonIn(Update(*revoked, update).status()), "WRONG_STATE");
}

TEST_P(KeyStoreTest, ARequestRepeatedIsNotCarriedOutAgain) {
  const ChangeRequest request = RequestOf("admin");
  const auto create = [&](const OpenChange& change) { return store_.Create(change, CiSpec()); };
  ASSERT_TRUE(Make(request, create).ok());
  int made = 0;
  const absl::StatusOr<ChangeOutcome> again = changes_.Make(
      request, "key",
      [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
        ++made;
        return create({transaction, request, number})->record;
      });
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(made, 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM virtual_keys"), 1);
}

TEST_P(KeyStoreTest, ExpiryCanBeMovedUntilTheKeyIsTakenAway) {
  KeySpec spec = CiSpec();
  spec.expires_at_us = now_us_ + kHourUs;
  const StoredKey key = MustCreate(spec).key;
  now_us_ += kHourUs;
  EXPECT_EQ(Get(key.id).state, KeyState::kExpired);
  EXPECT_EQ(ReasonIn(Rotate(key, 0).status()), "WRONG_STATE");
  KeyUpdate update;
  update.expires_at_us = now_us_;
  EXPECT_EQ(FieldViolationsOf(Update(key, update).status())[0].field, "key.expire_time");
  update.expires_at_us = now_us_ + kDayUs;
  const absl::StatusOr<StoredKey> later = Update(key, update);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->state, KeyState::kActive);

  now_us_ += kDayUs + kKeepEndedUs - 1;
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 0);
  EXPECT_THAT(Item("key/" + key.id), StartsWith("acme/"));
  now_us_ += 1;
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 1);
  EXPECT_EQ(Item("key/" + key.id), "");
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, "acme", key.id, now_us_).status()));
}

TEST_P(KeyStoreTest, TakesEndedKeysAwayInPortions) {
  std::vector<KeyRow> rows(1'500);
  for (KeyRow& row : rows) {
    row.key.org = &row < &rows[700] ? "acme" : "other";
    row.key.id = MakeKey().id;
    row.key.spec.expires_at_us = now_us_;
  }
  ASSERT_TRUE(InsertFreeKeys(*db_, rows, 1)->empty());
  const StoredKey revoked = MustCreate(CiSpec()).key;
  ASSERT_TRUE(Revoke(revoked.id).ok());
  const StoredKey kept = MustCreate(CiSpec()).key;
  now_us_ += kKeepEndedUs;
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 1'000);
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 501);
  EXPECT_EQ(*store_.DropEnded(*db_, changes_, now_us_), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM virtual_keys"), 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM control_items WHERE length(body) = 0"), 1'501);
  EXPECT_EQ(Get(kept.id).state, KeyState::kActive);
}

TEST_P(KeyStoreTest, BadSpecsMakeNoKey) {
  struct Case {
    void (*spoil)(KeySpec* spec, int64_t now_us);
    std::string field;
  };
  const std::vector<Case> cases = {
      {[](KeySpec* s, int64_t) { s->display_name = std::string(129, 'x'); }, "key.display_name"},
      {[](KeySpec* s, int64_t) { s->team = "\xff"; }, "key.team"},
      {[](KeySpec* s, int64_t) { s->project = "a\nb"; }, "key.project"},
      {[](KeySpec* s, int64_t) { s->models.resize(65, "m"); }, "key.models"},
      {[](KeySpec* s, int64_t) { s->models[1] = ""; }, "key.models[1]"},
      {[](KeySpec* s, int64_t now_us) { s->expires_at_us = now_us; }, "key.expire_time"},
      {[](KeySpec* s, int64_t) { s->expires_at_us = -1; }, "key.expire_time"},
  };
  for (const Case& each : cases) {
    KeySpec spec = CiSpec();
    each.spoil(&spec, now_us_);
    const absl::Status status = Create(spec).status();
    ASSERT_EQ(FieldViolationsOf(status).size(), 1) << each.field << ": " << status;
    EXPECT_EQ(FieldViolationsOf(status)[0].field, each.field);
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM virtual_keys"), 0);
}

TEST_P(KeyStoreTest, ListsByFilterAndPage) {
  std::vector<std::string> search, all;
  for (int i = 0; i < 5; ++i) {
    KeySpec spec = CiSpec();
    if (i % 2 == 1) spec.team = "ads";
    all.push_back(MustCreate(spec).key.id);
    if (i % 2 == 0) search.push_back(all.back());
  }
  MustCreate(CiSpec(), "other");
  std::sort(all.begin(), all.end());
  std::sort(search.begin(), search.end());
  const auto ids = [&](const KeyStore::Filter& filter, const std::string& after, size_t count) {
    std::vector<std::string> found;
    const auto keys = store_.List(*db_, filter, after, count, now_us_);
    EXPECT_TRUE(keys.ok()) << keys.status();
    for (const StoredKey& key : *keys) found.push_back(key.id);
    return found;
  };
  EXPECT_EQ(ids({"acme"}, "", 100), all);
  EXPECT_THAT(ids({"acme"}, "", 2), ElementsAre(all[0], all[1]));
  EXPECT_THAT(ids({"acme"}, all[1], 2), ElementsAre(all[2], all[3]));
  EXPECT_EQ(ids({"acme", "", "search"}, "", 100), search);
  EXPECT_EQ(ids({"acme", "ci", "", "web"}, "", 100), all);
  EXPECT_THAT(ids({"acme", "nobody"}, "", 100), IsEmpty());
}

TEST_P(KeyStoreTest, OfAnotherOrgThereIsNone) {
  const StoredKey key = MustCreate(CiSpec()).key;
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, "other", key.id, now_us_).status()));
  const absl::StatusOr<StoredKey> revoked =
      Make(RequestOf("admin", "other"),
           [&](const OpenChange& change) { return store_.Revoke(change, key.id, ""); });
  EXPECT_TRUE(absl::IsNotFound(revoked.status()));
  EXPECT_EQ(Get(key.id).state, KeyState::kActive);
}

QP_OVER_BOTH_DATABASES(KeyStoreTest);

}  // namespace
}  // namespace quotaplane
