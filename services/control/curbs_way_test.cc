// A curb's whole way but for the board: from the alert's change through the database and its item
// to what a replica decides by.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "libs/control/curbs_store.h"
#include "libs/control/item_source.h"
#include "libs/control/test_control.h"
#include "libs/policy/policy_builder.h"
#include "libs/pricing/price_book.h"
#include "services/control/control_state.h"
#include "services/control/item_convert.h"

namespace quotaplane {
namespace {

class CurbsWayTest : public ControlTest {
 protected:
  using Work = absl::FunctionRef<absl::StatusOr<Changed<Curb>>(const OpenChange&)>;
  void Make(Work work) {
    const ChangeRequest request = Request("Test", AlertActor(17));
    const auto made = changes_.Make(
        request, "alert/A-17",
        [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
          absl::StatusOr<Changed<Curb>> changed = work({transaction, request, number});
          if (!changed.ok()) return changed.status();
          return std::move(changed->record);
        });
    ASSERT_TRUE(made.ok()) << made.status();
    const auto items = ItemSource(db_.get()).Read({});
    ASSERT_TRUE(items.ok()) << items.status();
    state_.Apply(*items);
    EXPECT_EQ(state_.counts().rejected, 0);
  }
  const Curb* Freeze(int64_t now_us) const {
    return snapshots_.Get()->policies->For("acme").curbs->Freeze(Alice(), "m", now_us);
  }

  const ProtoItemCodec codec_{};
  const CurbStore store_{&codec_};
  Changes changes_{db_.get()};
  KeyRing keys_;
  SnapshotHolder snapshots_{
      {std::make_shared<const PolicySet>(*Policy::Build({})), *PriceBook::Build("v1", {})}};
  ControlState state_{&snapshots_, &keys_, &codec_, {nullptr, [] { return kNowUs; }}};
};
QP_OVER_BOTH_DATABASES(CurbsWayTest);

TEST_P(CurbsWayTest, AFreezeHoldsUntilItsEndOrItsAcknowledgement) {
  Curb freeze;
  freeze.alert = 17;
  freeze.freeze = true;
  freeze.scope = {{Dim("labels.agent"), "ci"}, {Dim("user"), "alice"}};
  freeze.from_us = now_us_;
  freeze.until_us = now_us_ + kHourUs;
  Make([&](const OpenChange& change) { return store_.Put(change, freeze); });
  // Also by a clock that is behind.
  for (const int64_t at_us : {now_us_ - kHourUs, now_us_, freeze.until_us - 1}) {
    const Curb* const found = Freeze(at_us);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->scope, freeze.scope);
    EXPECT_EQ(found->until_us, freeze.until_us);
  }
  EXPECT_EQ(Freeze(freeze.until_us), nullptr);
  Make([&](const OpenChange& change) { return store_.End(change, 17); });
  EXPECT_EQ(Freeze(now_us_), nullptr);
  EXPECT_TRUE(snapshots_.Get()->policies->For("acme").curbs->empty());
}

}  // namespace
}  // namespace quotaplane
