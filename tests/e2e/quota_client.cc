#include "tests/e2e/quota_client.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include "tests/e2e/server_process.h"

namespace quotaplane::fixtures {

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return "";
}

QuotaClient::QuotaClient(const std::string& address, NoConnection no_connection)
    : no_connection_(no_connection) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  // Clients do not share connections: those of two replicas, or of two tests, are their own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  stub_ = v1::QuotaService::NewStub(channel_);
}

int64_t Tokens::cost_nano_usd() const { return input * kInputNanoUsd + output * kOutputNanoUsd; }

v1::Subject SubjectOf(const std::string& team, const std::string& user) {
  v1::Subject subject;
  subject.set_org("acme");
  subject.set_team(team);
  subject.set_user(user);
  subject.set_model("tester");
  return subject;
}

v1::Usage UsageOf(Tokens tokens) {
  v1::Usage usage;
  if (tokens.input > 0) (*usage.mutable_meters())["input"] = tokens.input;
  if (tokens.output > 0) (*usage.mutable_meters())["output"] = tokens.output;
  return usage;
}

v1::ReserveRequest ReserveOf(const std::string& id, const v1::Subject& subject, Tokens estimate,
                             absl::Duration ttl) {
  v1::ReserveRequest request;
  request.set_reservation_id(id);
  *request.mutable_subject() = subject;
  *request.mutable_estimate() = UsageOf(estimate);
  request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(ttl));
  return request;
}

v1::CommitRequest CommitOf(const std::string& id, const v1::Subject& subject, Tokens used) {
  v1::CommitRequest request;
  request.set_reservation_id(id);
  *request.mutable_subject() = subject;
  *request.add_attempts()->mutable_usage() = UsageOf(used);
  return request;
}

v1::RecordRequest RecordOf(const std::string& id, const v1::Subject& subject, Tokens used) {
  v1::RecordRequest request;
  request.set_record_id(id);
  *request.mutable_subject() = subject;
  *request.add_attempts()->mutable_usage() = UsageOf(used);
  return request;
}

v1::ReleaseRequest ReleaseOf(const std::string& id, const v1::Subject& subject) {
  v1::ReleaseRequest request;
  request.set_reservation_id(id);
  request.set_org(subject.org());
  return request;
}

v1::ExtendRequest ExtendOf(const std::string& id, const v1::Subject& subject, int64_t sequence,
                           Tokens estimate) {
  v1::ExtendRequest request;
  request.set_reservation_id(id);
  *request.mutable_subject() = subject;
  request.set_sequence(sequence);
  *request.mutable_estimate() = UsageOf(estimate);
  return request;
}

v1::GetUsageRequest GetUsageOf(const v1::Subject& subject) {
  v1::GetUsageRequest request;
  *request.mutable_subject() = subject;
  return request;
}

v1::LimitUsage LimitIn(const v1::GetUsageResponse& usage, const std::string& limit_id) {
  for (const v1::LimitUsage& limit : usage.limits()) {
    if (limit.limit_id() == limit_id) return limit;
  }
  ADD_FAILURE() << "no limit " << limit_id << " in " << usage.ShortDebugString();
  return {};
}

v1::LimitUsage LimitOf(const QuotaClient& client, const v1::Subject& subject,
                       const std::string& limit_id) {
  const auto usage = client.Call(GetUsageOf(subject));
  EXPECT_TRUE(usage.ok()) << usage.status.error_message();
  return usage.ok() ? LimitIn(usage.response, limit_id) : v1::LimitUsage();
}

}  // namespace quotaplane::fixtures
