#include "tools/client/failure.h"

#include <google/protobuf/any.pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "tools/terminal/format.h"
#include "tools/terminal/table.h"

namespace quotaplane::client {
namespace {

using terminal::Tone;

// The public names of gRPC codes, in order.
constexpr std::string_view kCodeNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string CodeName(int code) {
  const bool known = code >= 0 && code < static_cast<int>(std::size(kCodeNames));
  return std::string(known ? kCodeNames[code] : "UNKNOWN");
}

struct Advice {
  std::string_view reason;
  std::string_view text;
};

constexpr Advice kByReason[] = {
    {"RESERVATION_MISMATCH",
     "The id belongs to another request. Take a new --id, or repeat exactly what was sent first."},
    {"RESERVATION_COMMITTED",
     "It is charged already; nothing is left to do. A new request needs a new --id."},
    {"RESERVATION_RELEASED",
     "It was released. If usage happened after all, charge it: quotactl record."},
    {"RESERVATION_EXPIRED",
     "The hold ended by itself. Commit what was used all the same: it is charged, and marked "
     "late."},
    {"RESERVATION_HELD",
     "A reservation of this id is open: quotactl commit is the way to charge it."},
    {"EXTEND_SEQUENCE_STALE", "Each new extend takes a higher --sequence than the one before."},
    {"RESERVATION_UNKNOWN",
     "Check --id and --org. A reservation is remembered for 10 minutes after its end; usage can be "
     "charged all the "
     "same: quotactl commit."},
    {"SPOOL_FULL",
     "The counter store is away and the server's disk spool is full. Nothing was charged: retry "
     "later."},
    {"OVERLOADED", "Too many calls are waiting. Nothing was charged: retry with backoff."},
    {"STORE_UNAVAILABLE",
     "The server runs, but its counter store (Redis) is away. Retry; the server's log says more."},
    {"LEDGER_UNAVAILABLE",
     "The server runs, but its ledger's database is away. Retry; the server's log says more."},
    {"LEDGER_BEHIND",
     "Charges of the org still wait to be written into the ledger. Retry, or give it longer: "
     "--patience 60s; quotactl ledger status shows how many."},
    {"LEDGER_TOO_SLOW", "The ledger's database took too long. Retry when it has less to do."},
    {"REPAIR_CONFLICT", "Another repair of these books was under way. Nothing was moved: retry."},
    {"ADJUSTMENT_EXISTS",
     "The --id belongs to another adjustment. Take a new one, or repeat exactly what was sent "
     "first."},
    {"NOTHING_LEFT", "It was taken back before. Nothing was changed."},
    {"MORE_THAN_LEFT", "Take back less, or all that is left: --all. Nothing was changed."},
    {"ENTRIES_DROPPED",
     "Retention has dropped the entries of that time: what is not there cannot be corrected."},
    {"DATA_DROPPED", "Retention has dropped entries of that time: begin later."},
    {"CREDENTIALS_MISSING",
     "Log in: quotactl login; or name a token by QUOTAPLANE_TOKEN or --token-file."},
    {"TOKEN_UNKNOWN", "The server does not know it, or not any more. Log in again with another."},
    {"TOKEN_EXPIRED", "Log in again with another: quotactl login."},
    {"CERTIFICATE_UNKNOWN", "The server's auth file has to name it under `certificates`."},
    {"ROLE_MISSING", "Whoever runs the server gives roles, in its auth file."},
    {"ISSUER_UNAVAILABLE", "Retry in a moment. If that lasts, the server's log says more."},
    {"ETAG_MISMATCH",
     "Somebody changed it since it was read. Nothing was changed: look at it again, then repeat."},
    {"ADMIN_CONFLICT", "Other changes were in the way. Nothing was changed: repeat it."},
    {"NOT_APPROVED", "It needs approvals by others than its author: quotactl policy approve."},
    {"ALREADY_APPROVED", "Each person's approval counts once."},
    {"OWN_CHANGE", "Somebody else has to agree to it."},
    {"BASE_CHANGED",
     "Another version took force since the draft was made, and activating it would undo that. Make "
     "it "
     "anew: quotactl policy draft FILE --version N."},
    {"WRONG_STATE", "It is past that. Nothing was changed."},
    {"REQUEST_ID_REUSED", "The request id belongs to another call. Nothing was changed."},
    {"TOO_MANY", "A bound was reached. Nothing was changed."},
    {"REPORT_TOO_LARGE", "Group by less, filter more, or take a coarser --granularity."},
    {"REPORT_TOO_SLOW", "Ask for a shorter range, or leave out api_key and labels."},
};

// For failures without a reason: those that gRPC itself finds.
std::string AdviceForCode(grpc::StatusCode code, const std::string& server,
                          absl::Duration timeout) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
      return absl::StrCat(
          "No server answers at ", server, ". Start one:\n",
          "    quotaplane serve --data-dir ~/quotaplane-data\n",
          "or name another: --server HOST:PORT, or the variable QUOTAPLANE_SERVER.");
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::StrCat(
          "No answer from ", server, " within ", terminal::FormatSpan(timeout),
          ". The call may have happened: the same call with the same --id is safe to repeat; "
          "--timeout gives it longer.");
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::StrCat("What answers at ", server,
                          " does not know this call: another program, or an older server?");
    default:
      return "";
  }
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) details.Clear();
  details.set_code(status.error_code());
  details.set_message(status.error_message());
  return details;
}

google::rpc::ErrorInfo InfoOf(const google::rpc::Status& status) {
  google::rpc::ErrorInfo info;
  for (const google::protobuf::Any& detail : status.details()) {
    if (detail.UnpackTo(&info)) break;
  }
  return info;
}

std::string FieldTable(const google::rpc::Status& status, const terminal::Style& style) {
  terminal::Table table({{""}, {""}});
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::BadRequest bad;
    if (!detail.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) {
      table.AddRow({terminal::Cell(violation.field(), Tone::kBold), violation.description()});
    }
  }
  return table.Render(style, "  ");
}

}  // namespace

std::string ReasonOf(const grpc::Status& status) { return InfoOf(DetailsOf(status)).reason(); }

Failure Explain(const grpc::Status& status, const std::string& server, absl::Duration timeout,
                const terminal::Style& style) {
  Failure failure;
  failure.status = DetailsOf(status);
  if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) failure.exit_code = kWrongUse;

  const google::rpc::ErrorInfo info = InfoOf(failure.status);
  const std::string title = absl::StrCat(
      CodeName(status.error_code()), info.reason().empty() ? "" : absl::StrCat(" ", info.reason()));
  failure.text = absl::StrCat(style.Paint(Tone::kBad, title), ": ", status.error_message(), "\n",
                              FieldTable(failure.status, style));
  // In the order of their names: the message's own changes from run to run.
  for (const auto& [key, value] :
       std::map<std::string, std::string>(info.metadata().begin(), info.metadata().end())) {
    absl::StrAppend(&failure.text, "  ", key, ": ", value, "\n");
  }

  std::string advice;
  for (const Advice& candidate : kByReason) {
    if (candidate.reason == info.reason()) advice = std::string(candidate.text);
  }
  if (info.reason().empty()) advice = AdviceForCode(status.error_code(), server, timeout);
  if (!advice.empty()) absl::StrAppend(&failure.text, advice, "\n");
  return failure;
}

}  // namespace quotaplane::client
