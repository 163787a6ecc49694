// quota.proto <-> domain types, and the validation of everything that comes from outside. Errors
// are FieldErrors (libs/base/error.h) that list every violation, or say what is wrong with the
// request's virtual key.
#pragma once

#include <quotaplane/v1/quota.pb.h>

#include "absl/status/statusor.h"
#include "libs/admission/admission.h"
#include "services/quota/request_keys.h"

namespace quotaplane {

inline constexpr int kMaxLabels = 16;
inline constexpr int kMaxMeters = 16;
inline constexpr int kMaxAttempts = 16;
inline constexpr int64_t kMinTtlUs = 1'000'000;
inline constexpr int64_t kMaxTtlUs = int64_t{86'400} * 1'000'000;

absl::StatusOr<ReserveArgs> FromProto(const v1::ReserveRequest& request,
                                      const RequestKeys& keys = {});
absl::StatusOr<ExtendArgs> FromProto(const v1::ExtendRequest& request,
                                     const RequestKeys& keys = {});
absl::StatusOr<CommitArgs> FromProto(const v1::CommitRequest& request,
                                     const RequestKeys& keys = {});
absl::StatusOr<CommitArgs> FromProto(const v1::RecordRequest& request,
                                     const RequestKeys& keys = {});
absl::StatusOr<ReservationKey> FromProto(const v1::ReleaseRequest& request,
                                         const RequestKeys& keys = {});
absl::StatusOr<ReserveArgs> FromProto(const v1::CheckRequest& request,
                                      const RequestKeys& keys = {});
absl::StatusOr<Subject> FromProto(const v1::GetUsageRequest& request, const RequestKeys& keys = {});

void ToProto(const ReserveAnswer& answer, v1::ReserveResponse* response);
void ToProto(const ExtendAnswer& answer, v1::ExtendResponse* response);
void ToProto(const CommitAnswer& answer, v1::CommitResponse* response);
void ToProto(const CommitAnswer& answer, v1::RecordResponse* response);
void ToProto(const ReleaseAnswer& answer, v1::ReleaseResponse* response);
void ToProto(const ReserveAnswer& answer, v1::CheckResponse* response);
void ToProto(const std::vector<LimitUsage>& usage, v1::GetUsageResponse* response);

}  // namespace quotaplane
