#include <memory>
#include <vector>

#include "libs/base/status_macros.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/render.h"

namespace quotaplane::quotactl {
namespace {

using Stub = client::Connection::Stub;

struct SettleFlags {
  SubjectFlags subject;
  AttemptFlags attempts;
  std::string id;

  // Fills in what CommitRequest and RecordRequest have in common.
  template <typename Request>
  absl::Status Fill(Request* request) const {
    QP_ASSIGN_OR_RETURN(*request->mutable_subject(), subject.Build());
    QP_ASSIGN_OR_RETURN(const std::vector<v1::Attempt> built, attempts.Build());
    request->mutable_attempts()->Assign(built.begin(), built.end());
    return absl::OkStatus();
  }
};

int Commit(const Globals& globals, const SettleFlags& flags) {
  v1::CommitRequest request;
  request.set_reservation_id(flags.id);
  if (absl::Status status = flags.Fill(&request); !status.ok()) return ReportError(globals, status);
  return CallAndPrint(globals, &Stub::Commit, request, [&](const v1::CommitResponse& response) {
    return Renderer::ForStdout().Commit(request.reservation_id(), response);
  });
}

int Record(const Globals& globals, const SettleFlags& flags) {
  v1::RecordRequest request;
  request.set_record_id(flags.id.empty() ? NewId() : flags.id);
  if (absl::Status status = flags.Fill(&request); !status.ok()) return ReportError(globals, status);
  if (globals.json && flags.id.empty()) {
    std::fprintf(stderr, "record id: %s\n", request.record_id().c_str());
  }
  return CallAndPrint(globals, &Stub::Record, request, [&](const v1::RecordResponse& response) {
    return Renderer::ForStdout().Record(request.record_id(), response);
  });
}

}  // namespace

void AddCommit(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command =
      app.add_subcommand("commit", "Charge what a reserved request really used, and end its hold");
  const auto flags = std::make_shared<SettleFlags>();
  command->add_option("--id", flags->id, "The reservation's id")->required();
  flags->subject.AddTo(*command);
  flags->attempts.AddTo(*command);
  command->footer(
      R"(What was used is charged, past the hold (overrun) and after its expiry (late) alike.

Examples:
  # The call that req-1 reserved: 1,200 tokens in, 412 out
  quotactl commit --id req-1 --org acme --team search --user alice \
      --model claude-sonnet-4-5 --input-tokens 1200 --output-tokens 412

  # The first model failed after reading the prompt, a second one answered: one request, two prices
  quotactl commit --id req-2 --org acme --user alice \
      --attempt model=claude-opus-4-5,input=1200,output=0 \
      --attempt model=claude-haiku-4-5,input=1200,output=390)");
  command->callback([=, &globals] { *work = [=, &globals] { return Commit(globals, *flags); }; });
}

void AddRecord(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand("record", "Charge usage that had no reservation");
  const auto flags = std::make_shared<SettleFlags>();
  command->add_option(
      "--id", flags->id,
      "An id for this usage; the same call again is harmless. Generated where absent");
  flags->subject.AddTo(*command);
  flags->attempts.AddTo(*command);
  command->footer(R"(Examples:
  # Usage found in a provider's log; the log line's id keeps it from being charged twice
  quotactl record --id log-20261101-77 --org acme --team support --model claude-haiku-4-5 \
      --input-tokens 3100 --output-tokens 240

  # A batch job, at batch prices, with tokens from the prompt cache
  quotactl record --org acme --team data-science --model claude-sonnet-4-5 --tier batch \
      --input-tokens 900 --cache-read-tokens 48000 --output-tokens 2200)");
  command->callback([=, &globals] { *work = [=, &globals] { return Record(globals, *flags); }; });
}

void AddRelease(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command = app.add_subcommand(
      "release", "Void an open reservation: nothing was used, nothing is charged");
  struct Flags {
    OrgFlag org;
    std::string id;
  };
  const auto flags = std::make_shared<Flags>();
  command->add_option("--id", flags->id, "The reservation's id")->required();
  flags->org.AddTo(*command);
  command->footer(R"(Examples:
  # The provider refused the connection: give the budget back at once
  quotactl release --id req-1 --org acme

  # The same, for a script; "outcome" says whether the hold was still there
  quotactl release --id req-1 --org acme --json)");
  command->callback([=, &globals] {
    *work = [=, &globals] {
      v1::ReleaseRequest request;
      request.set_reservation_id(flags->id);
      request.set_org(flags->org.org);
      return CallAndPrint(globals, &Stub::Release, request,
                          [&](const v1::ReleaseResponse& response) {
                            return Renderer::ForStdout().Release(flags->id, response);
                          });
    };
  });
}

}  // namespace quotaplane::quotactl
