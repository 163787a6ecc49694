#include "libs/reports/focus.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/absl_view.h"
#include "libs/base/json_string.h"
#include "libs/money/decimal.h"
#include "libs/reports/measures.h"
#include "libs/reports/text_format.h"

namespace quotaplane::reports {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
// A nano-USD is 10^-9 USD, and prices are for a million units.
constexpr int kUnitPricePlaces = 15;

struct Span {
  std::string start, end;
};

// Both are the same for many rows in a row: each is worked out once.
class PeriodText {
 public:
  const Span& Hour(int64_t us) {
    int64_t past = us % kHourUs;
    if (past < 0) past += kHourUs;
    if (const int64_t from = us - past; from != hour_us_) {
      hour_us_ = from;
      hour_ = {FormatUtcSeconds(from), FormatUtcSeconds(from + kHourUs)};
    }
    return hour_;
  }
  const Span& Month(int64_t us) {
    if (us < month_from_us_ || us >= month_to_us_) {
      const absl::TimeZone utc = absl::UTCTimeZone();
      const absl::CivilMonth month(absl::ToCivilDay(absl::FromUnixMicros(us), utc));
      month_from_us_ = absl::ToUnixMicros(absl::FromCivil(month, utc));
      month_to_us_ = absl::ToUnixMicros(absl::FromCivil(month + 1, utc));
      month_ = {FormatUtcSeconds(month_from_us_), FormatUtcSeconds(month_to_us_)};
    }
    return month_;
  }

 private:
  int64_t hour_us_ = INT64_MIN, month_from_us_ = 0, month_to_us_ = 0;
  Span hour_, month_;
};

std::string SkuPriceDetails(const Entry& entry) {
  std::string json = "{\"x_PriceVersion\":";
  AppendJsonString(entry.price_version, &json);
  json += ",\"x_ServiceTier\":";
  AppendJsonString(entry.service_tier, &json);
  return json + "}";
}

std::string Description(const Entry& entry) {
  const std::string what = absl::StrCat(AbslView(entry.model), ", ", AbslView(entry.meter),
                                        IsTokenMeter(entry.meter) ? " tokens" : "");
  if (!entry.is_correction()) return what;
  const std::string_view reason = entry.reason.value_or(std::string_view());
  return absl::StrCat("Correction of ", what, reason.empty() ? "" : ": ", AbslView(reason));
}

class Focus : public EntryWriter {
 public:
  explicit Focus(FocusNames names) : names_(std::move(names)) {}

  void AppendHeader(std::string* out) override {
    bool first = true;
    ForEachColumn(Entry(), [&](std::string_view name, std::string_view) {
      if (!first) out->push_back(',');
      first = false;
      out->append(name);
    });
    out->append("\r\n");
  }

  bool Append(const Entry& entry, std::string* out) override {
    if (entry.quantity == 0 && entry.cost_nano_usd == 0) return false;
    bool first = true;
    ForEachColumn(entry, [&](std::string_view, std::string_view text) {
      if (!first) out->push_back(',');
      first = false;
      AppendCsv(text, out);
    });
    out->append("\r\n");
    return true;
  }

 private:
  template <typename Column>
  void ForEachColumn(const Entry& e, Column column) {
    const Span& charge = periods_.Hour(e.corrected_at_us.value_or(e.occurred_at_us));
    const Span& billing = periods_.Month(e.occurred_at_us);
    const std::string cost = FormatDecimal(e.cost_nano_usd, 9, 2);
    const std::string quantity = e.quantity == 0 ? "" : absl::StrCat(e.quantity);
    const std::string_view unit = quantity.empty()        ? ""
                                  : IsTokenMeter(e.meter) ? "Tokens"
                                                          : "Units";
    const std::string unit_price =
        e.is_correction() ? "" : FormatDecimal(e.unit_price_nano_per_million, kUnitPricePlaces, 0);
    const std::string_view priced = e.priced_as.empty() ? e.model : e.priced_as;
    const std::string sku = absl::StrCat(AbslView(priced), "/", AbslView(e.meter));
    column("BilledCost", cost);
    column("BillingAccountId", e.org);
    column("BillingAccountName", e.org);
    column("BillingCurrency", "USD");
    column("BillingPeriodEnd", billing.end);
    column("BillingPeriodStart", billing.start);
    column("ChargeCategory", "Usage");
    column("ChargeClass", e.is_correction() ? "Correction" : "");
    column("ChargeDescription", Description(e));
    column("ChargeFrequency", "Usage-Based");
    column("ChargePeriodEnd", charge.end);
    column("ChargePeriodStart", charge.start);
    column("ConsumedQuantity", quantity);
    column("ConsumedUnit", unit);
    column("ContractedCost", cost);
    column("ContractedUnitPrice", unit_price);
    column("EffectiveCost", cost);
    column("InvoiceId", "");
    column("InvoiceIssuerName", names_.invoice_issuer);
    column("ListCost", cost);
    column("ListUnitPrice", unit_price);
    column("PricingQuantity", quantity);
    column("PricingUnit", unit);
    column("ProviderName", names_.provider);
    column("PublisherName", names_.publisher);
    column("ResourceId", e.api_key);
    column("ResourceType", e.api_key.empty() ? "" : "API key");
    column("ServiceCategory", "AI and Machine Learning");
    column("ServiceName", "AI model calls");
    column("ServiceSubcategory", "Generative AI");
    column("SkuId", sku);
    column("SkuMeter", e.meter);
    column("SkuPriceDetails", SkuPriceDetails(e));
    column("SkuPriceId",
           absl::StrCat(sku, "/", AbslView(e.service_tier), "@", AbslView(e.price_version)));
    column("SubAccountId", e.team);
    column("SubAccountName", e.team);
    column("Tags", e.labels == "{}" ? std::string_view() : e.labels);
    column("x_ChargeLine", absl::StrCat(FormatHex(e.charge_key.data), "/", e.line));
    column("x_CostCenter", e.cost_center);
    column("x_Model", e.model);
    column("x_Project", e.project);
    column("x_ReservationId", e.reservation_id);
    column("x_User", e.user);
  }

  const FocusNames names_;
  PeriodText periods_;
};

}  // namespace

std::unique_ptr<EntryWriter> FocusWriter(FocusNames names) {
  return std::make_unique<Focus>(std::move(names));
}

}  // namespace quotaplane::reports
