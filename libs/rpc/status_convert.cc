#include "libs/rpc/status_convert.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "libs/base/error.h"

namespace quotaplane {
namespace {

constexpr char kDomain[] = "quotaplane";

// Reasons of errors that come without one.
const char* DefaultReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kResourceExhausted:
      return "OVERLOADED";
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return "STORE_UNAVAILABLE";
    default:
      return nullptr;
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  const std::vector<FieldViolation> violations = FieldViolationsOf(status);
  if (!violations.empty()) {
    google::rpc::BadRequest bad_request;
    for (const FieldViolation& violation : violations) {
      google::rpc::BadRequest::FieldViolation* added = bad_request.add_field_violations();
      added->set_field(violation.field);
      added->set_description(violation.description);
    }
    details.add_details()->PackFrom(bad_request);
  }
  std::optional<std::string> reason = ReasonOf(status);
  if (!reason.has_value() && DefaultReason(status.code()) != nullptr) {
    reason = DefaultReason(status.code());
  }
  if (reason.has_value()) {
    google::rpc::ErrorInfo info;
    info.set_reason(*reason);
    info.set_domain(kDomain);
    for (const auto& [key, value] : MetadataOf(status)) (*info.mutable_metadata())[key] = value;
    details.add_details()->PackFrom(info);
  }
  // absl and gRPC share their code numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), details.message(),
                      details.SerializeAsString());
}

}  // namespace quotaplane
