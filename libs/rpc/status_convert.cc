#include "libs/rpc/status_convert.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

constexpr char kDomain[] = "quotaplane";

// Each violation is there three times: in the message, in the details' copy of the message and in
// the BadRequest, of which the latter two grow by a third in base64. 1,800 bytes make 7 KiB.
constexpr size_t kMostViolationBytes = 1'800;

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

// The first one always, more as far as they fit.
void AddViolations(const std::vector<FieldViolation>& violations, google::rpc::Status* details) {
  google::rpc::BadRequest bad_request;
  std::string message;
  size_t named = 0;
  for (const FieldViolation& violation : violations) {
    const std::string text = absl::StrCat(violation.field, ": ", violation.description);
    if (named > 0 && message.size() + text.size() > kMostViolationBytes) break;
    absl::StrAppend(&message, named > 0 ? "; " : "", text);
    google::rpc::BadRequest::FieldViolation* added = bad_request.add_field_violations();
    added->set_field(violation.field);
    added->set_description(violation.description);
    ++named;
  }
  if (named < violations.size()) {
    absl::StrAppend(&message, "; and ", violations.size() - named, " more");
  }
  details->set_message(message);
  details->add_details()->PackFrom(bad_request);
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  const std::vector<FieldViolation> violations = FieldViolationsOf(status);
  if (!violations.empty()) AddViolations(violations, &details);
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
