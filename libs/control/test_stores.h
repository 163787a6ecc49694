// What tests of the stores share: items that people can read, and changes made by one line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/hash.h"
#include "libs/control/change.h"
#include "libs/control/changed.h"
#include "libs/control/item_codec.h"
#include "libs/control/test_control.h"

namespace quotaplane {

inline constexpr int64_t kDayUs = 24 * kHourUs;

// Bodies that a test can read.
class TextCodec : public ItemCodec {
 public:
  std::string EncodePolicy(std::string_view org, int64_t version,
                           const PolicyDocument& document) const override {
    return absl::StrCat(std::string(org), " v", version, " with ", document.limits.size(),
                        " limits");
  }
  std::string EncodeRaises(const RaisesItem& item) const override {
    std::string text = item.org;
    for (const Raise& raise : item.raises) {
      absl::StrAppend(&text, "; ", raise.limit_id, "{");
      for (const auto& [dimension, value] : raise.scope) {
        absl::StrAppend(&text, dimension.ToString(), "=", value, ",");
      }
      absl::StrAppend(&text, "} ", raise.amount, " from ", raise.from_us, " until ",
                      raise.until_us);
    }
    return text;
  }
  std::string EncodeCurbs(const CurbsItem& item) const override {
    std::string text = item.org;
    for (const Curb& curb : item.curbs) {
      absl::StrAppend(&text, "; ", AlertName(curb.alert), " ",
                      curb.freeze ? "freeze" : absl::StrCat("to ", curb.share_permille), " ",
                      CurbScopeString(curb, item.org), curb.limit_id, " from ", curb.from_us,
                      " until ", curb.until_us);
    }
    return text;
  }
  std::string EncodeKey(const VirtualKey& key) const override {
    std::string text = absl::StrCat(key.org, "/", key.team, "/", key.project, "/", key.user);
    for (const Glob& model : key.models) absl::StrAppend(&text, " ", model.pattern());
    absl::StrAppend(&text, " hash ", HashOf({key.hash.data(), key.hash.size()}).low64());
    if (key.previous_until_us != 0) {
      absl::StrAppend(&text, " previous ",
                      HashOf({key.previous_hash.data(), key.previous_hash.size()}).low64(),
                      " until ", key.previous_until_us);
    }
    if (key.expires_at_us != 0) absl::StrAppend(&text, " expires ", key.expires_at_us);
    if (key.revoked) absl::StrAppend(&text, " revoked ", key.revoked_at_us);
    return text;
  }
  std::string EncodePrices(const PricesItem& item) const override {
    std::string text;
    for (const PricesItem::Book& book : item.books) {
      absl::StrAppend(&text, book.number, " from ", book.active_from_us, "; ");
    }
    return text;
  }
  absl::StatusOr<PolicyItem> DecodePolicy(std::string_view) const override { return OneWay(); }
  absl::StatusOr<RaisesItem> DecodeRaises(std::string_view) const override { return OneWay(); }
  absl::StatusOr<CurbsItem> DecodeCurbs(std::string_view) const override { return OneWay(); }
  absl::StatusOr<VirtualKey> DecodeKey(std::string_view) const override { return OneWay(); }
  absl::StatusOr<PricesItem> DecodePrices(std::string_view) const override { return OneWay(); }

 private:
  static absl::Status OneWay() { return absl::UnimplementedError("for people alone"); }
};

class StoresTest : public ControlTest {
 protected:
  // Of an action that does not matter.
  ChangeRequest RequestOf(const std::string& actor, std::string org = "acme") {
    ChangeRequest request = Request("Test", actor);
    request.org = std::move(org);
    request.request_digest = request.request_id;
    return request;
  }

  static std::string ReasonIn(const absl::Status& status) {
    return ReasonOf(status).value_or("(none)");
  }

  // `write` is one of a store's: what it made, and its record as it went into the change.
  template <typename Write>
  auto Make(const ChangeRequest& request, Write write)
      -> absl::StatusOr<decltype(write(std::declval<const OpenChange&>())->now)> {
    std::optional<decltype(write(std::declval<const OpenChange&>())->now)> now;
    const absl::StatusOr<ChangeOutcome> outcome = changes_.Make(
        request, "test",
        [&](sql::Transaction& transaction, int64_t number) -> absl::StatusOr<ChangeRecord> {
          auto changed = write(OpenChange{transaction, request, number});
          if (!changed.ok()) return changed.status();
          now = std::move(changed->now);
          return std::move(changed->record);
        });
    if (!outcome.ok()) return outcome.status();
    return *std::move(now);
  }

  // The item's body; "(none)" where there is no such item.
  std::string Item(const std::string& name) {
    const absl::StatusOr<sql::Rows> rows =
        db_->Query({"item", "SELECT body FROM control_items WHERE name = $1"}, {name});
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() && !rows->empty() ? std::string((*rows)[0][0].bytes()) : "(none)";
  }
  // Of the last audit row of the org.
  std::string LastAudit(const std::string& column, const std::string& org = "acme") {
    const absl::StatusOr<sql::Rows> rows =
        db_->Query({"audit", absl::StrCat("SELECT ", column,
                                          " FROM audit_log WHERE org = $1 ORDER BY number DESC "
                                          "LIMIT 1")},
                   {org});
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() && !rows->empty() ? std::string((*rows)[0][0].text()) : "(none)";
  }

  const TextCodec codec_{};
  Changes changes_{db_.get()};
};

}  // namespace quotaplane
