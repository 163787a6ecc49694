// An org's whole state: export and apply.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/next_step.h"
#include "tools/quotactl/policy_render.h"
#include "tools/quotactl/read_file.h"
#include "tools/quotactl/target.h"

namespace quotaplane::quotactl {
namespace {

struct StateFlags {
  OrgFlag org;
  ReasonFlag reason;
  YesFlag yes;
  std::string file, out;
  bool dry_run = false;
};

int RunExport(const Globals& globals, const StateFlags& flags) {
  v1::ExportStateRequest request;
  request.set_org(flags.org.org);
  v1::ExportStateResponse response;
  const auto failed = CallOnce(globals, &AdminStub::ExportState, request, &response);
  if (failed.has_value()) return *failed;
  if (globals.json && flags.out.empty()) {
    Print(globals, response, "");
    return client::kDone;
  }
  Target target(flags.out);
  absl::Status written = target.Check();
  if (written.ok()) written = target.Write(response.yaml());
  if (written.ok()) written = target.Finish();
  return written.ok() ? client::kDone : ReportError(globals, written);
}

absl::StatusOr<std::string> ReadDocument(const std::string& file) {
  if (file != "-") return ReadFile(file);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

std::string AppliedText(const v1::ApplyStateResponse& response) {
  const terminal::Style style = terminal::Style::For(STDOUT_FILENO);
  const v1::PolicyVersion& version = response.version();
  std::string text = ChangesAsText(response.changes(), response.unlisted(), style);
  if (version.state() == v1::POLICY_STATE_DRAFT) {
    absl::StrAppend(&text, "The policy is version ", version.version(), ".\n",
                    NextStep(version, style));
  } else if (!response.changes().empty()) {
    absl::StrAppend(
        &text, style.Paint(terminal::Tone::kGood, "applied"),
        version.version() > 0 ? absl::StrCat(": policy version ", version.version()) : "", "\n");
  }
  return text;
}

std::string PlannedText(const v1::ApplyStateResponse& response) {
  const std::string text =
      ChangesAsText(response.changes(), response.unlisted(), terminal::Style::For(STDOUT_FILENO));
  return response.changes().empty() ? text : text + "Nothing was changed: a dry run.\n";
}

int RunApply(const Globals& globals, const StateFlags& flags) {
  const absl::StatusOr<std::string> yaml = ReadDocument(flags.file);
  if (!yaml.ok()) return ReportError(globals, yaml.status());
  v1::ApplyStateRequest request;
  request.set_org(flags.org.org);
  request.set_yaml(*yaml);
  request.set_reason(flags.reason.reason);
  request.set_dry_run(true);
  if (flags.dry_run) return ReadAndPrint(globals, &AdminStub::ApplyState, request, PlannedText);
  if (!flags.yes.yes) {
    // Whoever is asked sees what for.
    v1::ApplyStateResponse plan;
    const auto failed = CallOnce(globals, &AdminStub::ApplyState, request, &plan);
    if (failed.has_value()) return *failed;
    std::fputs(
        ChangesAsText(plan.changes(), plan.unlisted(), terminal::Style::For(STDERR_FILENO)).c_str(),
        stderr);
    if (!plan.changes().empty()) {
      const auto no =
          flags.yes.Confirm(globals, absl::StrCat("Change the org ", flags.org.org, " like that?"));
      if (no.has_value()) return *no;
    }
  }
  request.set_dry_run(false);
  request.set_request_id(NewId());
  return WriteAndPrint(globals, &AdminStub::ApplyState, request, AppliedText);
}

}  // namespace

void AddState(CLI::App& app, const Globals& globals, Work* work) {
  const auto export_flags = std::make_shared<StateFlags>();
  CLI::App* exporting = app.add_subcommand(
      "export", "An org's policy, exceptions and keys as one YAML document, for a repository");
  export_flags->org.AddTo(*exporting);
  exporting->add_option("--out", export_flags->out, "Where it goes; stdout by default");
  exporting->footer(R"(Equal states are equal bytes. Keys come with hashes, never with secrets.

Examples:
  quotactl export --org acme --out acme.yaml)");
  exporting->callback(
      [=, &globals] { *work = [=, &globals] { return RunExport(globals, *export_flags); }; });

  const auto flags = std::make_shared<StateFlags>();
  CLI::App* apply = app.add_subcommand(
      "apply", "Make an org's state what a document says; twice changes nothing");
  flags->org.AddTo(*apply);
  apply->add_option("-f,--file", flags->file, "The document; - for stdin")->required();
  apply->add_flag("--dry-run", flags->dry_run, "Say what would change, and change nothing");
  flags->reason.AddTo(*apply);
  flags->yes.AddTo(*apply);
  apply->footer(
      R"(Parts that the document does not name stay as they are. docs/control.md has the rules.

Examples:
  quotactl apply -f acme.yaml --org acme --dry-run
  quotactl apply -f acme.yaml --org acme --yes --reason "commit 4f2c9d1")");
  apply->callback([=, &globals] { *work = [=, &globals] { return RunApply(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
