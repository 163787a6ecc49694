#include "services/quota/charge_convert.h"

#include <quotaplane/v1/ledger.pb.h>

#include <algorithm>

namespace quotaplane {
namespace {

v1::ServiceTier ToProto(ServiceTier tier) {
  switch (tier) {
    case ServiceTier::kStandard:
      return v1::SERVICE_TIER_STANDARD;
    case ServiceTier::kBatch:
      return v1::SERVICE_TIER_BATCH;
    case ServiceTier::kPriority:
      return v1::SERVICE_TIER_PRIORITY;
    case ServiceTier::kFlex:
      return v1::SERVICE_TIER_FLEX;
  }
  return v1::SERVICE_TIER_UNSPECIFIED;
}

ServiceTier FromProto(v1::ServiceTier tier) {
  switch (tier) {
    case v1::SERVICE_TIER_BATCH:
      return ServiceTier::kBatch;
    case v1::SERVICE_TIER_PRIORITY:
      return ServiceTier::kPriority;
    case v1::SERVICE_TIER_FLEX:
      return ServiceTier::kFlex;
    default:
      return ServiceTier::kStandard;
  }
}

void ToProto(const Subject& from, v1::Subject* subject) {
  subject->set_org(from.org);
  subject->set_team(from.team);
  subject->set_project(from.project);
  subject->set_user(from.user);
  subject->set_api_key(from.api_key);
  subject->set_model(from.model);
  for (const auto& [key, value] : from.labels) (*subject->mutable_labels())[key] = value;
}

Subject FromProto(const v1::Subject& from) {
  Subject subject = {from.org(),   from.team(), from.project(), from.user(), from.api_key(),
                     from.model(), {}};
  subject.labels.assign(from.labels().begin(), from.labels().end());
  std::sort(subject.labels.begin(), subject.labels.end());
  return subject;
}

}  // namespace

std::string LedgerCodec::Encode(const ChargeRecord& record) const {
  v1::LedgerRecord out;
  out.set_id(record.id);
  ToProto(record.subject, out.mutable_subject());
  for (const ChargeLine& line : record.lines) {
    v1::LedgerLine* added = out.add_lines();
    added->set_attempt(line.attempt);
    added->set_model(line.model);
    added->set_service_tier(ToProto(line.tier));
    added->set_meter(line.meter);
    added->set_quantity(line.quantity);
    added->set_unit_price(line.unit_price);
    added->set_cost_nano_usd(line.cost_nano_usd);
    added->set_unpriced(line.unpriced);
    added->set_priced_as(line.priced_as);
  }
  out.set_cost_nano_usd(record.cost_nano_usd);
  out.set_price_version(record.price_version);
  out.set_recorded(record.recorded);
  out.set_spooled_at_unix_us(record.spooled_at_us);
  out.set_trace_context(record.trace);
  return out.SerializeAsString();
}

absl::StatusOr<ChargeRecord> LedgerCodec::Decode(const std::string& bytes) const {
  v1::LedgerRecord in;
  if (!in.ParseFromString(bytes) || in.id().empty() || in.subject().org().empty()) {
    return absl::DataLossError("not a ledger record");
  }
  ChargeRecord record;
  record.id = in.id();
  record.subject = FromProto(in.subject());
  for (const v1::LedgerLine& line : in.lines()) {
    if (line.quantity() <= 0 || line.cost_nano_usd() < 0) {
      return absl::DataLossError("a ledger record with a negative line");
    }
    record.lines.push_back({line.attempt(), line.model(), FromProto(line.service_tier()),
                            line.meter(), line.quantity(), line.unit_price(), line.cost_nano_usd(),
                            line.unpriced(), line.priced_as()});
  }
  record.cost_nano_usd = in.cost_nano_usd();
  record.price_version = in.price_version();
  record.recorded = in.recorded();
  record.spooled_at_us = in.spooled_at_unix_us();
  record.trace = in.trace_context();
  return record;
}

std::string LedgerCodec::EncodeRefusals(const RefusalBatch& batch) const {
  v1::LedgerRecord out;
  v1::Refusals* const refusals = out.mutable_refusals();
  refusals->set_id(batch.id);
  refusals->set_org(batch.org);
  for (const RefusalLine& line : batch.lines) {
    v1::RefusalLine* const added = refusals->add_lines();
    ToProto(line.subject, added->mutable_subject());
    added->set_minute_unix_us(line.minute_us);
    added->set_count(line.count);
  }
  return out.SerializeAsString();
}

absl::StatusOr<RefusalBatch> LedgerCodec::DecodeRefusals(const std::string& bytes) const {
  v1::LedgerRecord in;
  if (!in.ParseFromString(bytes) || in.refusals().id().empty() || in.refusals().org().empty() ||
      in.refusals().lines().empty()) {
    return absl::DataLossError("no batch of refusals");
  }
  RefusalBatch batch;
  batch.id = in.refusals().id();
  batch.org = in.refusals().org();
  for (const v1::RefusalLine& line : in.refusals().lines()) {
    if (line.count() <= 0 || line.subject().org() != batch.org) {
      return absl::DataLossError("a batch of refusals with a line that is none of it");
    }
    batch.lines.push_back({FromProto(line.subject()), line.minute_unix_us(), line.count()});
  }
  return batch;
}

}  // namespace quotaplane
