#include "libs/config/chargeback_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/did_you_mean.h"
#include "libs/base/status_macros.h"
#include "libs/config/yaml_reader.h"
#include "libs/money/decimal.h"
#include "libs/policy/subject.h"

namespace quotaplane {
namespace {

constexpr int kNanoPlaces = 9;
constexpr int kPercentPlaces = 4;  // to millionths

// An exact decimal from `min` to `max`, both scaled by 10^places.
int64_t ReadDecimal(const YamlNode& node, int places, int64_t min, int64_t max) {
  const std::optional<std::string_view> text = node.Decimal();
  if (!text.has_value()) return 0;
  const absl::StatusOr<ScaledDecimal> read = ParseDecimal(*text, places);
  if (!read.ok() || read->value < min || read->value > max) {
    node.Report(absl::StrCat("must be from ", FormatDecimal(min, places, 0), " to ",
                             FormatDecimal(max, places, 0), ", not ", QuoteForMessage(*text)));
    return 0;
  }
  if (!read->exact) {
    node.Report(
        absl::StrCat("must have at most ", places, " decimals, not ", QuoteForMessage(*text)));
  }
  return read->value;
}

int64_t ReadUsd(const YamlNode& node) { return ReadDecimal(node, kNanoPlaces, 0, kMaxFeeNanoUsd); }

std::string ReadName(const YamlNode& holder) {
  const std::optional<YamlNode> node = holder.Require("name", "say what it is for");
  if (!node.has_value()) return "";
  const std::optional<std::string_view> text = node->String();
  if (!text.has_value()) return "";
  if (const absl::Status status = CheckValue(*text); !status.ok()) {
    node->Report(absl::StrCat(status.message()));
  }
  return std::string(*text);
}

// `read` gives the number of an entry.
template <typename Read>
ByCostCenter ReadCenters(const YamlNode& node, Read read) {
  ByCostCenter centers;
  if (!node.ExpectMap()) return centers;
  if (node.size() > kMaxNamedCostCenters) {
    node.Report(absl::StrCat("has ", node.size(), " cost centers; at most ", kMaxNamedCostCenters,
                             " are allowed"));
    return centers;
  }
  for (const YamlNode each : node) {
    const std::string_view center = each.key();
    const absl::Status status = center.empty() ? absl::OkStatus() : CheckValue(center);
    if (!status.ok()) each.Report(absl::StrCat("the cost center ", status.message()));
    centers[std::string(center)] = read(each);
  }
  return centers;
}

SeatFee ReadSeatFee(const YamlNode& node) {
  SeatFee fee;
  node.ExpectKeys({"name", "usd_per_seat", "seats"});
  fee.name = ReadName(node);
  if (const auto amount = node.Require("usd_per_seat", "write what a seat costs in a month")) {
    fee.nano_usd_per_seat = ReadUsd(*amount);
  }
  const auto seats = node.Require(
      "seats", "write {COST_CENTER: NUMBER}, or active_users for one of each user of the month");
  if (!seats.has_value()) return fee;
  if (seats->kind() == YamlKind::kScalar) {
    fee.per_active_user = seats->text() == "active_users";
    if (!fee.per_active_user) {
      seats->Report(absl::StrCat("must be active_users, or {COST_CENTER: NUMBER}, not ",
                                 QuoteForMessage(seats->text())));
    }
    return fee;
  }
  fee.seats = ReadCenters(
      *seats, [](const YamlNode& each) { return each.Int64(0, kMaxSeats).value_or(0); });
  return fee;
}

SharedCost ReadSharedCost(const YamlNode& node) {
  SharedCost cost;
  node.ExpectKeys({"name", "usd", "allocate"});
  cost.name = ReadName(node);
  if (const auto amount = node.Require("usd", "write what it costs in the month")) {
    cost.amount_nano_usd = ReadUsd(*amount);
  }
  const auto allocate =
      node.Require("allocate", "write even, by_usage, or weights {COST_CENTER: NUMBER}");
  if (!allocate.has_value()) return cost;
  if (allocate->kind() == YamlKind::kScalar) {
    if (allocate->text() == "by_usage") {
      cost.allocation = Allocation::kByUsage;
    } else if (allocate->text() != "even") {
      allocate->Report(absl::StrCat(
          "must be even, by_usage, or weights {COST_CENTER: NUMBER}, not ",
          QuoteForMessage(allocate->text()), DidYouMean(allocate->text(), {"even", "by_usage"})));
    }
    return cost;
  }
  cost.allocation = Allocation::kByWeight;
  cost.weights = ReadCenters(
      *allocate, [](const YamlNode& each) { return each.Int64(0, kMaxWeight).value_or(0); });
  if (std::all_of(cost.weights.begin(), cost.weights.end(),
                  [](const auto& weight) { return weight.second == 0; })) {
    allocate->Report("has no weight above 0; give somebody one");
  }
  return cost;
}

Currency ReadCurrency(const YamlNode& node) {
  Currency currency;
  if (!node.ExpectMap()) return currency;
  node.ExpectKeys({"code", "per_usd", "decimals"});
  if (const auto code = node.Require("code", "write the ISO 4217 code, such as EUR")) {
    const std::string_view text = code->String().value_or("");
    const bool fit = text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) {
                       return absl::ascii_isupper(static_cast<unsigned char>(c));
                     });
    if (!fit) {
      code->Report(
          absl::StrCat("must be an ISO 4217 code such as EUR, not ", QuoteForMessage(text)));
    }
    currency.code = text;
  }
  if (const auto rate = node.Require("per_usd", "write how much of it one USD is")) {
    currency.nano_per_usd = ReadDecimal(*rate, kNanoPlaces, 1, kMaxNanoPerUsd);
  }
  if (const auto decimals = node.Find("decimals")) {
    currency.decimals = static_cast<int>(decimals->Int64(0, kMaxCurrencyDecimals).value_or(2));
  }
  return currency;
}

int64_t ReadMarkup(const YamlNode& node) {
  return ReadDecimal(node, kPercentPlaces, kMinMarkupMillionths, kMaxMarkupMillionths);
}

template <typename T, typename Read>
void ReadList(const YamlNode& root, std::string_view key, Read read, std::vector<T>* entries) {
  const std::optional<YamlNode> node = root.Find(key);
  if (!node.has_value() || !node->ExpectList()) return;
  if (node->size() > kMaxFees) {
    return node->Report(
        absl::StrCat("has ", node->size(), " entries; at most ", kMaxFees, " are allowed"));
  }
  for (const YamlNode item : *node) {
    if (item.ExpectMap()) entries->push_back(read(item));
  }
}

}  // namespace

absl::StatusOr<ChargebackRules> ParseChargebackRules(std::string_view text, std::string_view name) {
  QP_ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> file, YamlDocument::Parse(text, name));
  ChargebackRules rules;
  const YamlNode root = file->root();
  if (root.ExpectMap()) {
    root.ExpectKeys(
        {"seat_fees", "shared_costs", "markup_percent", "markup_percent_of", "currency"});
    ReadList(root, "seat_fees", ReadSeatFee, &rules.seat_fees);
    ReadList(root, "shared_costs", ReadSharedCost, &rules.shared_costs);
    if (const auto node = root.Find("markup_percent")) rules.markup_millionths = ReadMarkup(*node);
    if (const auto node = root.Find("markup_percent_of")) {
      rules.markup_by_cost_center = ReadCenters(*node, ReadMarkup);
    }
    if (const auto node = root.Find("currency")) rules.currency = ReadCurrency(*node);
  }
  QP_RETURN_IF_ERROR(file->status());
  return rules;
}

absl::StatusOr<ChargebackRules> LoadChargebackRulesFile(const std::string& path) {
  QP_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(path));
  return ParseChargebackRules(text, path);
}

}  // namespace quotaplane
