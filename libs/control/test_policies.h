// Policies under version control for tests: a default policy, a codec of few words, and edits.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/config/policy_reader.h"
#include "libs/control/item_source.h"
#include "libs/control/policy_versions.h"
#include "libs/control/test_control.h"
#include "libs/policy/policy_edit.h"

namespace quotaplane {

// Policies as "ORG|VERSION|FINGERPRINT"; nothing else.
class TestCodec : public ItemCodec {
 public:
  std::string EncodePolicy(std::string_view org, int64_t version,
                           const PolicyDocument& document) const override {
    return absl::StrCat(std::string(org), "|", version, "|",
                        (*Policy::Build(document))->fingerprint());
  }
  std::string EncodeRaises(const RaisesItem&) const override { return ""; }
  std::string EncodeCurbs(const CurbsItem&) const override { return ""; }
  std::string EncodeKey(const VirtualKey&) const override { return ""; }
  std::string EncodePrices(const PricesItem&) const override { return ""; }
  absl::StatusOr<PolicyItem> DecodePolicy(std::string_view) const override { return None(); }
  absl::StatusOr<RaisesItem> DecodeRaises(std::string_view) const override { return None(); }
  absl::StatusOr<CurbsItem> DecodeCurbs(std::string_view) const override { return None(); }
  absl::StatusOr<VirtualKey> DecodeKey(std::string_view) const override { return None(); }
  absl::StatusOr<PricesItem> DecodePrices(std::string_view) const override { return None(); }

 private:
  static absl::Status None() { return absl::UnimplementedError("nothing is decoded here"); }
};

template <typename T>
T ValueOf(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *std::move(value) : T();
}

inline std::string Yaml(const std::string& amount, int approvals = 0,
                        const std::string& id = "org-month") {
  return absl::StrCat(approvals > 0 ? absl::StrCat("approvals: ", approvals, "\n") : "",
                      "limits:\n  - id: ", id,
                      "\n    per: [user]\n    unit: usd\n    amount: ", amount,
                      "\n    window: month\n    on_outage: deny\n");
}

class PoliciesTest : public ControlTest {
 protected:
  static PolicyInput Amount(const std::string& amount, int approvals = 0) {
    return Yaml(amount, approvals);
  }
  static PolicyInput Edits(std::vector<PolicyEdit> edits) { return edits; }

  // In USD, of the first limit.
  static PolicyEdit SetAmountFor(const std::string& user, int64_t usd,
                                 const std::string& limit_id = "") {
    SetAmount set;
    set.limit_id = limit_id;
    set.scope = {{*ParseDimension("user"), user}};
    set.unit = *ParseUnit("usd");
    set.window = *ParseWindow("month", absl::UTCTimeZone(), 1);
    set.amount = usd * 1'000'000'000;
    set.on_outage = OnOutage::kDeny;
    return {set, "acme", "edits.edits"};
  }
  static PolicyEdit RemoveLimitEdit(const std::string& id) {
    return {RemoveLimit{id}, "acme", "edits.edits"};
  }

  PolicyVersion PutAmount(const std::string& amount) {
    const PutPolicyOutcome put = ValueOf(policies_.Put(Request("PutPolicy"), Amount(amount), ""));
    EXPECT_EQ(put.version.state, PolicyState::kActive);
    return put.version;
  }

  // The org's published policy.
  std::string Item() {
    const auto items = ValueOf(ItemSource(db_.get()).Read({}));
    for (const ControlItem& item : items) {
      if (item.name == PolicyItemName("acme")) return item.body;
    }
    return "";
  }

  // Of a call that is refused: nothing changes, and the audit log has one row more, of the refusal.
  template <typename Call>
  absl::Status RefusedStatus(const Call& call) {
    const auto before = Everything();
    const size_t rows = Chain().size();
    const absl::Status status = call();
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(Everything(), before) << status;
    const std::vector<AuditRow> chain = Chain();
    EXPECT_EQ(chain.size(), rows + 1) << status;
    EXPECT_EQ(chain.back().outcome, CodeAndReason(status));
    return status;
  }
  template <typename Call>
  std::string Refusal(const Call& call) {
    return CodeAndReason(RefusedStatus(call));
  }

  const std::shared_ptr<const Policy> default_ =
      *ParsePolicy(Yaml("50", 0, "default-month") + "retention: {entries: 400d}\n", "default");
  TestCodec codec_;
  Changes changes_{db_.get()};
  PolicyVersions policies_{db_.get(), &changes_, &codec_, [this] { return default_; }};
};

}  // namespace quotaplane
