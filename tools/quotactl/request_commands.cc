#include <memory>

#include "libs/base/status_macros.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/render.h"

namespace quotaplane::quotactl {
namespace {

using Stub = client::Connection::Stub;

struct ReserveFlags {
  SubjectFlags subject;
  UsageFlags estimate;
  TierFlag tier;
  std::string id, ttl;

  absl::StatusOr<v1::ReserveRequest> Build() const {
    v1::ReserveRequest request;
    request.set_reservation_id(id.empty() ? NewId() : id);
    QP_ASSIGN_OR_RETURN(*request.mutable_subject(), subject.Build());
    QP_ASSIGN_OR_RETURN(*request.mutable_estimate(), estimate.Build());
    QP_ASSIGN_OR_RETURN(const v1::ServiceTier service_tier, tier.Build());
    request.set_service_tier(service_tier);
    if (!ttl.empty()) {
      QP_ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan("--ttl", ttl));
      *request.mutable_ttl() = ToProto(span);
    }
    return request;
  }
};

struct CheckFlags {
  SubjectFlags subject;
  UsageFlags estimate;
  TierFlag tier;

  absl::StatusOr<v1::CheckRequest> Build() const {
    v1::CheckRequest request;
    QP_ASSIGN_OR_RETURN(*request.mutable_subject(), subject.Build());
    QP_ASSIGN_OR_RETURN(*request.mutable_estimate(), estimate.Build());
    QP_ASSIGN_OR_RETURN(const v1::ServiceTier service_tier, tier.Build());
    request.set_service_tier(service_tier);
    return request;
  }
};

struct ExtendFlags {
  SubjectFlags subject;
  UsageFlags estimate;
  TierFlag tier;
  std::string id, ttl;
  int64_t sequence = 0;

  absl::StatusOr<v1::ExtendRequest> Build() const {
    v1::ExtendRequest request;
    request.set_reservation_id(id);
    request.set_sequence(sequence);
    QP_ASSIGN_OR_RETURN(*request.mutable_subject(), subject.Build());
    QP_ASSIGN_OR_RETURN(v1::Usage usage, estimate.Build());
    // Absent means "only prolong".
    if (usage.meters_size() > 0) *request.mutable_estimate() = std::move(usage);
    QP_ASSIGN_OR_RETURN(const v1::ServiceTier service_tier, tier.Build());
    request.set_service_tier(service_tier);
    if (!ttl.empty()) {
      QP_ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan("--ttl", ttl));
      *request.mutable_ttl() = ToProto(span);
    }
    return request;
  }
};

int Reserve(const Globals& globals, const ReserveFlags& flags) {
  const absl::StatusOr<v1::ReserveRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  // The response does not repeat the id, and its JSON stays as it is: a generated id goes to
  // stderr.
  if (globals.json && flags.id.empty()) {
    std::fprintf(stderr, "reservation id: %s\n", request->reservation_id().c_str());
  }
  return CallAndPrint(globals, &Stub::Reserve, *request, [&](const v1::ReserveResponse& response) {
    return Renderer::ForStdout().Reserve(request->reservation_id(), response);
  });
}

int Check(const Globals& globals, const CheckFlags& flags) {
  const absl::StatusOr<v1::CheckRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  return CallAndPrint(globals, &Stub::Check, *request, [](const v1::CheckResponse& response) {
    return Renderer::ForStdout().Check(response);
  });
}

int Extend(const Globals& globals, const ExtendFlags& flags) {
  const absl::StatusOr<v1::ExtendRequest> request = flags.Build();
  if (!request.ok()) return ReportError(globals, request.status());
  return CallAndPrint(globals, &Stub::Extend, *request, [&](const v1::ExtendResponse& response) {
    return Renderer::ForStdout().Extend(request->reservation_id(), response);
  });
}

}  // namespace

void AddReserve(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "reserve", "Ask to run a request, and hold its estimate on every limit that applies");
  const auto flags = std::make_shared<ReserveFlags>();
  command->add_option(
      "--id", flags->id,
      "The reservation's id; the same call again is harmless. Generated where absent");
  command->add_option("--ttl", flags->ttl,
                      "How long the hold lasts without extend or commit: 30s, 5m; 10m by default");
  flags->subject.AddTo(*command);
  flags->estimate.AddTo(*command, UsageFlags::Kind::kEstimate);
  flags->tier.AddTo(*command);
  command->footer(R"(Exit code: 0 allowed, 3 denied, 2 wrong use, 1 anything else.

Examples:
  # May alice send 1,200 tokens and get up to 800 back?
  quotactl reserve --id req-1 --org acme --team search --user alice \
      --model claude-sonnet-4-5 --input-tokens 1200 --max-output-tokens 800

  # An agent's call, held for half a minute; the answer as JSON
  quotactl reserve --org acme --user bob --label agent=nightly --model claude-haiku-4-5 \
      --input-tokens 90000 --max-output-tokens 4000 --meter mcp_tool_calls=5 --ttl 30s --json)");
  command->callback([=, &globals] { *work = [=, &globals] { return Reserve(globals, *flags); }; });
}

void AddCheck(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand("check", "What reserve would say now, holding nothing");
  const auto flags = std::make_shared<CheckFlags>();
  flags->subject.AddTo(*command);
  flags->estimate.AddTo(*command, UsageFlags::Kind::kEstimate);
  flags->tier.AddTo(*command);
  command->footer(R"(Exit code: 0 allowed, 3 denied, 2 wrong use, 1 anything else.

Examples:
  # What would this cost, and which budget would it meet first?
  quotactl check --org acme --user alice --model claude-opus-4-5 \
      --input-tokens 50000 --max-output-tokens 8000

  # In a script: only start the nightly batch if its first request would run
  quotactl check --org acme --team data-science --tier batch --model claude-haiku-4-5 \
      --input-tokens 200000 --json > answer.json && ./nightly.sh)");
  command->callback([=, &globals] { *work = [=, &globals] { return Check(globals, *flags); }; });
}

void AddExtend(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "extend", "Raise or prolong the hold of an open reservation, for streams that outgrow it");
  const auto flags = std::make_shared<ExtendFlags>();
  command->add_option("--id", flags->id, "The reservation's id")->required();
  command
      ->add_option("--sequence", flags->sequence,
                   "1, 2, 3…: higher with each extend of a reservation; the same again is a retry")
      ->required();
  command->add_option("--ttl", flags->ttl,
                      "The hold ends this long from now, never earlier than before");
  flags->subject.AddTo(*command);
  flags->estimate.AddTo(*command, UsageFlags::Kind::kEstimate);
  flags->tier.AddTo(*command);
  command->footer(
      R"(The estimate is the new total, not the difference; without one the hold is only prolonged.
Exit code: 0 extended, 3 denied (cut the stream), 2 wrong use, 1 anything else.

Examples:
  # The stream goes on: hold 2,000 output tokens in place of 800
  quotactl extend --id req-1 --sequence 1 --org acme --team search --user alice \
      --model claude-sonnet-4-5 --input-tokens 1200 --max-output-tokens 2000

  # The same hold, for five minutes more
  quotactl extend --id req-1 --sequence 2 --org acme --team search --user alice \
      --model claude-sonnet-4-5 --ttl 5m)");
  command->callback([=, &globals] { *work = [=, &globals] { return Extend(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
