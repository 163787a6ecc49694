// What stands beside the ledger in its database is erased with it, over both databases.
#include "services/ledger/erase_beside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "libs/alerts/alert_store.h"
#include "libs/control/curb_rows.h"
#include "libs/control/curbs_store.h"
#include "libs/control/test_stores.h"

namespace quotaplane {
namespace {

constexpr char kErased[] = "erased-0123456789abcdef";

class EraseBesideTest : public StoresTest {
 protected:
  Curb FreezeOf(int64_t alert, std::vector<std::pair<Dimension, std::string>> scope) const {
    Curb curb;
    curb.alert = alert;
    curb.freeze = true;
    curb.scope = std::move(scope);
    curb.from_us = now_us_;
    curb.until_us = now_us_ + kHourUs;
    return curb;
  }
  void Put(const Curb& curb, const std::string& org) {
    const auto put = Make(RequestOf(AlertActor(curb.alert), org),
                          [&](const OpenChange& change) { return curbs_.Put(change, curb); });
    ASSERT_TRUE(put.ok()) << put.status();
  }
  int64_t Erase() {
    auto transaction = db_->Begin();
    EXPECT_TRUE(transaction.ok()) << transaction.status();
    const auto changed = EraseBesideLedger(**transaction, {"acme", "alice", kErased});
    EXPECT_TRUE(changed.ok()) << changed.status();
    EXPECT_TRUE((*transaction)->Commit().ok());
    return changed.value_or(-1);
  }
  int64_t Mentions(const std::string& of) {
    return Count("SELECT COUNT(*) FROM " + of + " LIKE '%alice%'");
  }

  const CurbStore curbs_{&codec_};
};
QP_OVER_BOTH_DATABASES(EraseBesideTest);

TEST_P(EraseBesideTest, AlertsCurbsAndDetectorsForgetTheName) {
  const Dimension user{DimensionKind::kUser, ""};
  const Dimension team{DimensionKind::kTeam, ""};
  const Dimension owner{DimensionKind::kLabel, "owner"};
  Put(FreezeOf(1, {{user, "alice"}}), "acme");
  Put(FreezeOf(2, {{team, "alice"}}), "acme");
  Put(FreezeOf(3, {{owner, "alice"}, {user, "bob"}}), "acme");
  Put(FreezeOf(4, {{user, "alice"}}), "globex");
  for (const char* org : {"acme", "globex"}) {
    ASSERT_TRUE(db_->Execute({"state",
                              "INSERT INTO anomaly_states (org, through_us, state, saved_at_us) "
                              "VALUES ($1, 1, $2, 1)"},
                             {org, sql::Bytes{"learnt"}})
                    .ok());
  }
  AlertStore alerts([] { return std::make_shared<Receivers>(); });
  Signal signal;
  signal.org = "acme";
  signal.rule_id = "rule";
  signal.scope = "{org=acme, user=alice}";
  signal.dimensions = {{"user", "alice"}};
  signal.key = signal.occurrence = "k";
  signal.summary = "80 % by alice";
  signal.at_us = now_us_;
  {
    auto transaction = db_->Begin();
    ASSERT_TRUE(transaction.ok()) << transaction.status();
    const auto recorded = alerts.Record(**transaction, {&signal, 1}, now_us_);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    ASSERT_TRUE((*transaction)->Commit().ok());
  }

  EXPECT_EQ(Erase(), 2 + 1);
  EXPECT_EQ(Mentions("alerts WHERE signal"), 0);
  EXPECT_EQ(Mentions("curbs WHERE alert IN (1, 3) AND scope"), 0);
  EXPECT_EQ(Mentions("curbs WHERE alert IN (2, 4) AND scope"), 2);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM anomaly_states WHERE org = 'acme'"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM anomaly_states WHERE org = 'globex'"), 1);
  const auto curbs = ReadCurbs(*db_, "acme", now_us_);
  ASSERT_TRUE(curbs.ok()) << curbs.status();
  ASSERT_EQ(curbs->size(), 3);
  EXPECT_EQ((*curbs)[0].scope[0].second, kErased);
  EXPECT_EQ(Erase(), 0);
}

}  // namespace
}  // namespace quotaplane
