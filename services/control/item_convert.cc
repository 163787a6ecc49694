#include "services/control/item_convert.h"

#include <google/protobuf/arena.h>
#include <quotaplane/v1/control.pb.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/policy/policy_text.h"

namespace quotaplane {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

absl::Status Broken(std::string_view what) {
  return absl::DataLossError(absl::StrCat("a control item has ", AbslView(what)));
}

// Words for enums, in the order of their values.
constexpr std::array<std::string_view, 4> kOnExceed = {"deny", "soft", "shadow", "downgrade"};
constexpr std::array<std::string_view, 3> kUnpriced = {"deny", "flag", "price_as"};
constexpr std::array<std::string_view, 4> kAlertOn = {"threshold", "forecast", "anomaly",
                                                      "runaway"};
constexpr std::array<std::string_view, 3> kSeverities = {"info", "warning", "critical"};
constexpr std::array<std::string_view, 4> kSignals = {"cost", "tokens", "requests", "refusals"};
constexpr std::array<std::string_view, 2> kActions = {"throttle", "freeze"};

template <typename Enum, size_t N>
std::string WordOf(Enum value, const std::array<std::string_view, N>& words) {
  return std::string(words[static_cast<size_t>(value)]);
}
template <typename Enum, size_t N>
absl::Status ReadWord(std::string_view word, const std::array<std::string_view, N>& words,
                      Enum* value) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return Broken("a word that is not known here");
  *value = static_cast<Enum>(found - words.begin());
  return absl::OkStatus();
}

template <typename Message>
std::string Encoded(const Message& message) {
  std::string body;
  message.SerializeToString(&body);
  return body;
}
// Into `arena`: a document of 100,000 overrides is made of some 300,000 pieces.
template <typename Message>
absl::StatusOr<const Message*> Decoded(std::string_view body, google::protobuf::Arena* arena) {
  auto* message = google::protobuf::Arena::CreateMessage<Message>(arena);
  if (!message->ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Broken("another format");
  }
  return message;
}

// Names of dimensions recur.
class DimensionReader {
 public:
  absl::StatusOr<Dimension> Read(const std::string& name) {
    for (const auto& [known, dimension] : known_) {
      if (known == name) return dimension;
    }
    absl::StatusOr<Dimension> dimension = ParseDimension(name);
    if (!dimension.ok()) return Broken("a dimension that is not known here");
    if (known_.size() < kMaxPerDimensions) known_.emplace_back(name, *dimension);
    return dimension;
  }

 private:
  std::vector<std::pair<std::string, Dimension>> known_;
};

using Match = std::vector<std::pair<Dimension, std::string>>;

void WriteMatch(const Match& match, Strings* out) {
  for (const auto& [dimension, value] : match) {
    *out->Add() = dimension.ToString();
    *out->Add() = value;
  }
}
absl::StatusOr<Match> ReadMatch(const Strings& strings, DimensionReader* dimensions) {
  if (strings.size() % 2 != 0) return Broken("a dimension without a value");
  Match match;
  match.reserve(static_cast<size_t>(strings.size() / 2));
  for (int i = 0; i < strings.size(); i += 2) {
    QP_ASSIGN_OR_RETURN(Dimension dimension, dimensions->Read(strings[i]));
    match.emplace_back(std::move(dimension), strings[i + 1]);
  }
  return match;
}

void WriteGlobs(const std::vector<Glob>& globs, Strings* out) {
  for (const Glob& glob : globs) *out->Add() = glob.pattern();
}
std::vector<Glob> ReadGlobs(const Strings& strings) {
  std::vector<Glob> globs;
  for (const std::string& pattern : strings) globs.emplace_back(pattern);
  return globs;
}

using Conditions = google::protobuf::RepeatedPtrField<v1::ConditionProto>;

void WriteWhen(const std::vector<Condition>& when, Conditions* out) {
  for (const Condition& condition : when) {
    v1::ConditionProto* proto = out->Add();
    proto->set_dimension(condition.dimension.ToString());
    WriteGlobs(condition.any_of, proto->mutable_globs());
  }
}
absl::Status ReadWhen(const Conditions& protos, std::vector<Condition>* when) {
  DimensionReader dimensions;
  for (const v1::ConditionProto& proto : protos) {
    QP_ASSIGN_OR_RETURN(Dimension dimension, dimensions.Read(proto.dimension()));
    when->push_back({std::move(dimension), ReadGlobs(proto.globs())});
  }
  return absl::OkStatus();
}

void WriteLimit(const Limit& limit, v1::LimitProto* out) {
  out->set_id(limit.id);
  for (const Dimension& dimension : limit.per) out->add_per(dimension.ToString());
  WriteWhen(limit.when, out->mutable_when());
  out->set_unit(limit.unit.ToString());
  out->set_amount(limit.amount);
  out->set_window(WindowText(limit.window));
  out->set_time_zone(limit.window.zone.name());
  out->set_starts_on(limit.window.starts_on);
  out->mutable_overrides()->Reserve(static_cast<int>(limit.overrides.size()));
  for (const Override& entry : limit.overrides) {
    v1::OverrideProto* proto = out->add_overrides();
    WriteMatch(entry.match, proto->mutable_match());
    proto->set_amount(entry.amount);
  }
  out->set_on_exceed(WordOf(limit.on_exceed, kOnExceed));
  out->set_downgrade_model(limit.downgrade_model);
  out->set_allow_on_outage(limit.on_outage == OnOutage::kAllow);
  out->set_hold_none(limit.hold == HoldMode::kNone);
  out->set_tier(limit.tier);
  if (limit.alert_at.has_value()) {
    v1::ShareList* shares = out->mutable_alert_at();
    for (const int share : *limit.alert_at) shares->add_permille(share);
  }
}

absl::Status ReadWindow(const v1::LimitProto& proto, WindowSpec* window) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(proto.time_zone(), &zone)) {
    return Broken("a time zone that is not known here");
  }
  absl::StatusOr<WindowSpec> parsed = ParseWindow(proto.window(), zone, proto.starts_on());
  if (!parsed.ok()) return Broken("a window that is not known here");
  *window = *parsed;
  return absl::OkStatus();
}

absl::StatusOr<Limit> ReadLimit(const v1::LimitProto& proto) {
  DimensionReader dimensions;
  Limit limit;
  limit.id = proto.id();
  for (const std::string& name : proto.per()) {
    QP_ASSIGN_OR_RETURN(Dimension dimension, dimensions.Read(name));
    limit.per.push_back(std::move(dimension));
  }
  QP_RETURN_IF_ERROR(ReadWhen(proto.when(), &limit.when));
  absl::StatusOr<Unit> unit = ParseUnit(proto.unit());
  if (!unit.ok()) return Broken("a unit that is not known here");
  limit.unit = *std::move(unit);
  limit.amount = proto.amount();
  QP_RETURN_IF_ERROR(ReadWindow(proto, &limit.window));
  limit.overrides.reserve(static_cast<size_t>(proto.overrides_size()));
  for (const v1::OverrideProto& entry : proto.overrides()) {
    QP_ASSIGN_OR_RETURN(Match match, ReadMatch(entry.match(), &dimensions));
    limit.overrides.push_back({std::move(match), entry.amount(), ""});
  }
  QP_RETURN_IF_ERROR(ReadWord(proto.on_exceed(), kOnExceed, &limit.on_exceed));
  limit.downgrade_model = proto.downgrade_model();
  limit.on_outage = proto.allow_on_outage() ? OnOutage::kAllow : OnOutage::kDeny;
  limit.hold = proto.hold_none() ? HoldMode::kNone : HoldMode::kEstimate;
  limit.tier = proto.tier();
  if (proto.has_alert_at()) {
    const auto& shares = proto.alert_at().permille();
    limit.alert_at.emplace(shares.begin(), shares.end());
  }
  return limit;
}

void WriteAlertRule(const AlertRule& rule, v1::AlertRuleProto* out) {
  out->set_id(rule.id);
  out->set_on(WordOf(rule.on, kAlertOn));
  WriteWhen(rule.when, out->mutable_when());
  WriteGlobs(rule.limits, out->mutable_limits());
  out->set_at_permille(rule.at_permille);
  out->set_margin_us(rule.margin_us);
  for (const UsageSignal signal : rule.signals) out->add_signals(WordOf(signal, kSignals));
  for (const Dimension& dimension : rule.per) out->add_per(dimension.ToString());
  out->set_floor_nano_usd(rule.floor_nano_usd);
  out->set_severity(WordOf(rule.severity, kSeverities));
  for (const std::string& name : rule.receivers) out->add_receivers(name);
  out->set_hold_off_us(rule.hold_off_us);
  if (!rule.action.has_value()) return;
  out->set_action(WordOf(rule.action->kind, kActions));
  out->set_action_share_permille(rule.action->share_permille);
  out->set_action_for_us(rule.action->for_us);
}

absl::StatusOr<AlertRule> ReadAlertRule(const v1::AlertRuleProto& proto) {
  AlertRule rule;
  rule.id = proto.id();
  QP_RETURN_IF_ERROR(ReadWord(proto.on(), kAlertOn, &rule.on));
  QP_RETURN_IF_ERROR(ReadWhen(proto.when(), &rule.when));
  rule.limits = ReadGlobs(proto.limits());
  rule.at_permille = proto.at_permille();
  rule.margin_us = proto.margin_us();
  for (const std::string& word : proto.signals()) {
    QP_RETURN_IF_ERROR(ReadWord(word, kSignals, &rule.signals.emplace_back()));
  }
  DimensionReader dimensions;
  for (const std::string& name : proto.per()) {
    QP_ASSIGN_OR_RETURN(Dimension dimension, dimensions.Read(name));
    rule.per.push_back(std::move(dimension));
  }
  rule.floor_nano_usd = proto.floor_nano_usd();
  QP_RETURN_IF_ERROR(ReadWord(proto.severity(), kSeverities, &rule.severity));
  rule.receivers.assign(proto.receivers().begin(), proto.receivers().end());
  rule.hold_off_us = proto.hold_off_us();
  if (proto.action().empty()) return rule;
  AlertAction& action = rule.action.emplace();
  QP_RETURN_IF_ERROR(ReadWord(proto.action(), kActions, &action.kind));
  action.share_permille = proto.action_share_permille();
  action.for_us = proto.action_for_us();
  return rule;
}

void WriteDocument(const PolicyDocument& document, v1::PolicyProto* out) {
  for (const Limit& limit : document.limits) WriteLimit(limit, out->add_limits());
  for (const ModelRule& rule : document.model_rules) {
    v1::ModelRuleProto* proto = out->add_models();
    proto->set_id(rule.id);
    WriteWhen(rule.when, proto->mutable_when());
    WriteGlobs(rule.allow, proto->mutable_allow());
    WriteGlobs(rule.deny, proto->mutable_deny());
    proto->set_tier(rule.tier);
  }
  for (const CostCenterRule& rule : document.cost_centers) {
    v1::CostCenterProto* proto = out->add_cost_centers();
    WriteWhen(rule.when, proto->mutable_when());
    proto->set_cost_center(rule.cost_center);
    if (rule.from.has_value()) proto->set_from(rule.from->ToString());
  }
  for (const TierRule& rule : document.tiers) {
    v1::TierProto* proto = out->add_tiers();
    proto->set_tier(rule.tier);
    WriteWhen(rule.when, proto->mutable_when());
  }
  out->set_unpriced_models(WordOf(document.unpriced_models, kUnpriced));
  out->set_price_as(document.price_as);
  out->set_approvals(document.approvals);
  if (document.alerts.has_value()) {
    v1::AlertRulesProto* alerts = out->mutable_alerts();
    for (const AlertRule& rule : *document.alerts) WriteAlertRule(rule, alerts->add_rules());
  }
}

absl::Status ReadRules(const v1::PolicyProto& proto, PolicyDocument* document) {
  for (const v1::ModelRuleProto& entry : proto.models()) {
    ModelRule rule{entry.id(), {},          ReadGlobs(entry.allow()), ReadGlobs(entry.deny()),
                   "",         entry.tier()};
    QP_RETURN_IF_ERROR(ReadWhen(entry.when(), &rule.when));
    document->model_rules.push_back(std::move(rule));
  }
  for (const v1::CostCenterProto& entry : proto.cost_centers()) {
    CostCenterRule rule{{}, entry.cost_center(), std::nullopt, ""};
    QP_RETURN_IF_ERROR(ReadWhen(entry.when(), &rule.when));
    if (!entry.from().empty()) {
      QP_ASSIGN_OR_RETURN(rule.from, DimensionReader().Read(entry.from()));
    }
    document->cost_centers.push_back(std::move(rule));
  }
  for (const v1::TierProto& entry : proto.tiers()) {
    TierRule rule{entry.tier(), {}, ""};
    QP_RETURN_IF_ERROR(ReadWhen(entry.when(), &rule.when));
    document->tiers.push_back(std::move(rule));
  }
  if (!proto.has_alerts()) return absl::OkStatus();
  document->alerts.emplace();
  for (const v1::AlertRuleProto& entry : proto.alerts().rules()) {
    QP_ASSIGN_OR_RETURN(AlertRule rule, ReadAlertRule(entry));
    document->alerts->push_back(std::move(rule));
  }
  return absl::OkStatus();
}

absl::Status ReadHash(const std::string& bytes, SecretHash* hash) {
  if (bytes.size() != hash->size()) return Broken("a hash of another length");
  std::copy(bytes.begin(), bytes.end(), hash->begin());
  return absl::OkStatus();
}

}  // namespace

std::string ProtoItemCodec::EncodePolicy(std::string_view org, int64_t version,
                                         const PolicyDocument& document) const {
  google::protobuf::Arena arena;
  auto* item = google::protobuf::Arena::CreateMessage<v1::PolicyItem>(&arena);
  item->set_org(std::string(org));
  item->set_version(version);
  WriteDocument(document, item->mutable_policy());
  return Encoded(*item);
}

absl::StatusOr<PolicyItem> ProtoItemCodec::DecodePolicy(std::string_view body) const {
  google::protobuf::Arena arena;
  QP_ASSIGN_OR_RETURN(const v1::PolicyItem* proto, Decoded<v1::PolicyItem>(body, &arena));
  PolicyItem item{proto->org(), proto->version(), {}};
  if (item.version < 1) return Broken("no version");
  for (const v1::LimitProto& entry : proto->policy().limits()) {
    QP_ASSIGN_OR_RETURN(Limit limit, ReadLimit(entry));
    item.document.limits.push_back(std::move(limit));
  }
  QP_RETURN_IF_ERROR(ReadRules(proto->policy(), &item.document));
  QP_RETURN_IF_ERROR(
      ReadWord(proto->policy().unpriced_models(), kUnpriced, &item.document.unpriced_models));
  item.document.price_as = proto->policy().price_as();
  item.document.approvals = proto->policy().approvals();
  return item;
}

std::string ProtoItemCodec::EncodeRaises(const RaisesItem& item) const {
  v1::RaisesItem proto;
  proto.set_org(item.org);
  for (const Raise& raise : item.raises) {
    v1::RaiseProto* entry = proto.add_raises();
    entry->set_exception_id(raise.exception_id);
    entry->set_limit_id(raise.limit_id);
    WriteMatch(raise.scope, entry->mutable_scope());
    entry->set_amount(raise.amount);
    entry->set_from_us(raise.from_us);
    entry->set_until_us(raise.until_us);
  }
  return Encoded(proto);
}

absl::StatusOr<RaisesItem> ProtoItemCodec::DecodeRaises(std::string_view body) const {
  google::protobuf::Arena arena;
  QP_ASSIGN_OR_RETURN(const v1::RaisesItem* proto, Decoded<v1::RaisesItem>(body, &arena));
  DimensionReader dimensions;
  RaisesItem item{proto->org(), {}};
  for (const v1::RaiseProto& entry : proto->raises()) {
    QP_ASSIGN_OR_RETURN(Match scope, ReadMatch(entry.scope(), &dimensions));
    item.raises.push_back({entry.exception_id(), entry.limit_id(), std::move(scope), entry.amount(),
                           entry.from_us(), entry.until_us()});
  }
  return item;
}

std::string ProtoItemCodec::EncodeCurbs(const CurbsItem& item) const {
  google::protobuf::Arena arena;
  auto* proto = google::protobuf::Arena::CreateMessage<v1::CurbsItem>(&arena);
  proto->set_org(item.org);
  for (const Curb& curb : item.curbs) {
    v1::CurbProto* entry = proto->add_curbs();
    entry->set_alert(curb.alert);
    entry->set_freeze(curb.freeze);
    entry->set_share_permille(curb.share_permille);
    WriteMatch(curb.scope, entry->mutable_scope());
    entry->set_limit_id(curb.limit_id);
    entry->set_from_us(curb.from_us);
    entry->set_until_us(curb.until_us);
  }
  return Encoded(*proto);
}

absl::StatusOr<CurbsItem> ProtoItemCodec::DecodeCurbs(std::string_view body) const {
  google::protobuf::Arena arena;
  QP_ASSIGN_OR_RETURN(const v1::CurbsItem* proto, Decoded<v1::CurbsItem>(body, &arena));
  DimensionReader dimensions;
  CurbsItem item{proto->org(), {}};
  for (const v1::CurbProto& entry : proto->curbs()) {
    const int share = entry.share_permille();
    const bool known = entry.freeze() ? share == 0 : share >= 1 && share <= 999;
    if (!known) return Broken("a curb that is neither a freeze nor a throttle");
    QP_ASSIGN_OR_RETURN(Match scope, ReadMatch(entry.scope(), &dimensions));
    item.curbs.push_back({entry.alert(), entry.freeze(), share, std::move(scope), entry.limit_id(),
                          entry.from_us(), entry.until_us()});
  }
  return item;
}

std::string ProtoItemCodec::EncodeKey(const VirtualKey& key) const {
  v1::KeyItem proto;
  proto.set_id(key.id);
  proto.set_org(key.org);
  proto.set_team(key.team);
  proto.set_project(key.project);
  proto.set_user(key.user);
  WriteGlobs(key.models, proto.mutable_models());
  proto.set_hash(key.hash.data(), key.hash.size());
  if (key.previous_until_us != 0) {
    proto.set_previous_hash(key.previous_hash.data(), key.previous_hash.size());
  }
  proto.set_previous_until_us(key.previous_until_us);
  proto.set_expires_at_us(key.expires_at_us);
  proto.set_revoked(key.revoked);
  proto.set_revoked_at_us(key.revoked_at_us);
  return Encoded(proto);
}

absl::StatusOr<VirtualKey> ProtoItemCodec::DecodeKey(std::string_view body) const {
  google::protobuf::Arena arena;
  QP_ASSIGN_OR_RETURN(const v1::KeyItem* proto, Decoded<v1::KeyItem>(body, &arena));
  VirtualKey key;
  key.id = proto->id();
  key.org = proto->org();
  key.team = proto->team();
  key.project = proto->project();
  key.user = proto->user();
  key.models = ReadGlobs(proto->models());
  key.previous_until_us = proto->previous_until_us();
  key.expires_at_us = proto->expires_at_us();
  key.revoked = proto->revoked();
  key.revoked_at_us = proto->revoked_at_us();
  if (key.id.empty() || key.org.empty()) return Broken("a key without id or org");
  QP_RETURN_IF_ERROR(ReadHash(proto->hash(), &key.hash));
  if (key.previous_until_us != 0) {
    QP_RETURN_IF_ERROR(ReadHash(proto->previous_hash(), &key.previous_hash));
  }
  return key;
}

std::string ProtoItemCodec::EncodePrices(const PricesItem& item) const {
  v1::PricesItem proto;
  for (const PricesItem::Book& book : item.books) {
    v1::PricesItem::Book* entry = proto.add_books();
    entry->set_number(book.number);
    entry->set_active_from_us(book.active_from_us);
    entry->set_yaml(book.yaml);
  }
  return Encoded(proto);
}

absl::StatusOr<PricesItem> ProtoItemCodec::DecodePrices(std::string_view body) const {
  google::protobuf::Arena arena;
  QP_ASSIGN_OR_RETURN(const v1::PricesItem* proto, Decoded<v1::PricesItem>(body, &arena));
  PricesItem item;
  for (const v1::PricesItem::Book& entry : proto->books()) {
    item.books.push_back({entry.number(), entry.active_from_us(), entry.yaml()});
  }
  return item;
}

}  // namespace quotaplane
