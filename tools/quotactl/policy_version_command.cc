// The life of a policy version: draft, approve, activate, roll back, discard; and looking at them.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/next_step.h"
#include "tools/quotactl/policy_render.h"
#include "tools/quotactl/read_file.h"

namespace quotaplane::quotactl {
namespace {

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

std::string VersionText(const v1::PolicyVersion& version) {
  return VersionAsText(version, absl::Now(), OutStyle());
}

// Of one that was just changed.
std::string WrittenText(const v1::PolicyVersion& version) {
  return VersionText(version) + NextStep(version, OutStyle());
}

struct DraftFlags {
  OrgFlag org;
  ReasonFlag reason;
  std::string file, on_outage, zone;
  std::vector<std::string> settings, remove_limits;
  int64_t version = 0;
  int64_t base = 0;
  bool drop_approvals = false;
  bool check = false;
};

template <typename Request>
absl::Status FillDocument(const DraftFlags& flags, Request* request) {
  const bool has_edits = !flags.settings.empty() || !flags.remove_limits.empty();
  if (flags.file.empty() != has_edits) {
    return absl::InvalidArgumentError("give either a FILE, or changes: --set, --remove-limit");
  }
  if (!flags.file.empty()) {
    QP_ASSIGN_OR_RETURN(*request->mutable_yaml(), ReadFile(flags.file));
  }
  for (const std::string& text : flags.settings) {
    v1::SetAmount* const set = request->mutable_edits()->add_edits()->mutable_set_amount();
    QP_ASSIGN_OR_RETURN(*set, ParseSetting("--set", text));
    set->set_on_outage(flags.on_outage);
    set->set_time_zone(flags.zone);
  }
  for (const std::string& limit : flags.remove_limits) {
    request->mutable_edits()->add_edits()->set_remove_limit(limit);
  }
  request->set_org(flags.org.org);
  request->set_request_id(NewId());
  request->set_reason(flags.reason.reason);
  return absl::OkStatus();
}

// The version as it is now, for its etag.
std::optional<int> ReadVersion(const Globals& globals, const std::string& org, int64_t version,
                               v1::PolicyVersion* found) {
  v1::GetPolicyRequest request;
  request.set_org(org);
  request.set_version(version);
  return CallOnce(globals, &AdminStub::GetPolicy, request, found);
}

int RunDraft(const Globals& globals, const DraftFlags& flags) {
  if (flags.version == 0) {
    v1::CreateDraftRequest request;
    const absl::Status filled = FillDocument(flags, &request);
    if (!filled.ok()) return ReportError(globals, filled);
    request.set_validate_only(flags.check);
    request.set_base_version(flags.base);
    return WriteAndPrint(globals, &AdminStub::CreateDraft, request, WrittenText);
  }
  v1::UpdateDraftRequest request;
  const absl::Status filled = FillDocument(flags, &request);
  if (!filled.ok()) return ReportError(globals, filled);
  v1::PolicyVersion present;
  const auto failed = ReadVersion(globals, flags.org.org, flags.version, &present);
  if (failed.has_value()) return *failed;
  request.set_version(flags.version);
  request.set_etag(present.etag());
  request.set_base_version(flags.base);
  request.set_drop_approvals(flags.drop_approvals);
  return WriteAndPrint(globals, &AdminStub::UpdateDraft, request, WrittenText);
}

struct WriteFlags {
  OrgFlag org;
  ReasonFlag reason;
  YesFlag yes;
  int64_t version = 0;
  std::string etag;
};

// Whoever is asked sees what for.
std::optional<int> ShowWhatChanges(const Globals& globals, const WriteFlags& flags) {
  v1::DiffPolicyRequest request;
  request.set_org(flags.org.org);
  request.set_to_version(flags.version);
  v1::DiffPolicyResponse response;
  const auto failed = CallOnce(globals, &AdminStub::DiffPolicy, request, &response);
  if (failed.has_value()) return failed;
  std::fputs(
      ChangesAsText(response.changes(), response.unlisted(), terminal::Style::For(STDERR_FILENO))
          .c_str(),
      stderr);
  return std::nullopt;
}

// Reads the version, asks `question` if there is one, and writes with what was read.
template <typename Request>
int WriteVersion(const Globals& globals, const WriteFlags& flags,
                 client::Connection::AdminMethod<Request, v1::PolicyVersion> method,
                 const std::string& question) {
  v1::PolicyVersion present;
  const auto failed = ReadVersion(globals, flags.org.org, flags.version, &present);
  if (failed.has_value()) return *failed;
  if (!question.empty()) {
    if (const auto no = flags.yes.Confirm(globals, question); no.has_value()) return *no;
  }
  Request request;
  request.set_org(flags.org.org);
  request.set_version(flags.version);
  request.set_etag(flags.etag.empty() ? present.etag() : flags.etag);
  request.set_request_id(NewId());
  if constexpr (requires { request.set_comment(std::string()); }) {
    request.set_comment(flags.reason.reason);
  } else {
    request.set_reason(flags.reason.reason);
  }
  return WriteAndPrint(globals, method, request, WrittenText);
}

int RunRollback(const Globals& globals, const WriteFlags& flags) {
  v1::PolicyVersion active;
  const auto failed = ReadVersion(globals, flags.org.org, 0, &active);
  if (failed.has_value()) return *failed;
  const std::string to = flags.version == 0 ? "the version that was active before"
                                            : absl::StrCat("version ", flags.version);
  const auto no = flags.yes.Confirm(
      globals, absl::StrCat("Put ", to, " of ", flags.org.org, " in force again, in place of ",
                            active.version(), "?"));
  if (no.has_value()) return *no;
  v1::RollbackPolicyRequest request;
  request.set_org(flags.org.org);
  request.set_to_version(flags.version);
  request.set_etag(active.etag());
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::RollbackPolicy, request, WrittenText);
}

int RunHistory(const Globals& globals, const OrgFlag& org, int most) {
  v1::ListPolicyVersionsRequest request;
  request.set_org(org.org);
  v1::ListPolicyVersionsResponse response;
  const auto failed = ReadPages(globals, &AdminStub::ListPolicyVersions, request,
                                &v1::ListPolicyVersionsResponse::mutable_versions, most, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response, VersionsAsText(response, OutStyle()));
  return client::kDone;
}

struct ShowFlags {
  OrgFlag org;
  int64_t version = 0;
  bool yaml = false;
};

int RunShow(const Globals& globals, const ShowFlags& flags) {
  v1::PolicyVersion version;
  const auto failed = ReadVersion(globals, flags.org.org, flags.version, &version);
  if (failed.has_value()) return *failed;
  Print(globals, version,
        flags.yaml ? version.yaml() : absl::StrCat(VersionText(version), "\n", version.yaml()));
  return client::kDone;
}

int RunDiff(const Globals& globals, const OrgFlag& org, int64_t from, int64_t to) {
  v1::DiffPolicyRequest request;
  request.set_org(org.org);
  request.set_from_version(from);
  request.set_to_version(to);
  return ReadAndPrint(globals, &AdminStub::DiffPolicy, request,
                      [](const v1::DiffPolicyResponse& response) {
                        return ChangesAsText(response.changes(), response.unlisted(), OutStyle());
                      });
}

void AddDraft(CLI::App& policy, const Globals& globals, Work* work) {
  CLI::App* command = policy.add_subcommand(
      "draft", "Write a new version, from a file or as changes of the active one");
  const auto flags = std::make_shared<DraftFlags>();
  flags->org.AddTo(*command);
  command->add_option("FILE", flags->file, "The whole policy, in YAML");
  command
      ->add_option("--set", flags->settings,
                   "An amount for a scope, as a change of the active version; repeatable")
      ->allow_extra_args(false);
  command->add_option("--on-outage", flags->on_outage,
                      "Of limits that --set makes anew: allow or deny, while the counter store is "
                      "away");
  command->add_option("--zone", flags->zone,
                      "Of limits that --set makes anew: the IANA time zone of the calendar window");
  command->add_option("--remove-limit", flags->remove_limits, "A limit's id; repeatable")
      ->allow_extra_args(false);
  CLI::Option* const version = command->add_option(
      "--version", flags->version, "Changes this draft in place of making a new one");
  command->add_option("--base", flags->base,
                      "The active version that FILE was written against: refused if another is "
                      "active by now");
  command
      ->add_flag("--drop-approvals", flags->drop_approvals,
                 "Of a draft that was approved already: takes the approvals back")
      ->needs(version);
  command->add_flag("--check", flags->check, "Check it on the server, and write nothing")
      ->excludes(version);
  flags->reason.AddTo(*command);
  command->footer(
      R"(A draft is in force for nobody. See what it would do: quotactl policy plan, quotactl policy backtest.

Examples:
  quotactl policy draft policy.yaml --org acme --reason "budgets of 2027"
  quotactl policy draft --org acme --set "user=alice: 500 usd a month" --set "team=search: 5000 usd a month" \
      --on-outage deny
  quotactl policy draft policy.yaml --org acme --check

After another version became active, a draft takes a whole document that knows of that one:
  quotactl policy show --org acme --yaml > policy.yaml
  quotactl policy draft policy.yaml --org acme --version 7 --base 6 --drop-approvals)");
  command->callback([=, &globals] { *work = [=, &globals] { return RunDraft(globals, *flags); }; });
}

// One that writes to a version.
template <typename Run>
std::shared_ptr<WriteFlags> AddWrite(CLI::App& policy, const Globals& globals, Work* work,
                                     const char* name, const char* help, const char* footer,
                                     Run run) {
  CLI::App* command = policy.add_subcommand(name, help);
  const auto flags = std::make_shared<WriteFlags>();
  flags->org.AddTo(*command);
  command->add_option("VERSION", flags->version, "Its number")->required();
  command->add_option("--etag", flags->etag,
                      "Only if it is still as it was with this etag; by default as it is now");
  flags->reason.AddTo(*command);
  command->footer(footer);
  command->callback([=, &globals] { *work = [=, &globals] { return run(globals, *flags); }; });
  return flags;
}

void AddWrites(CLI::App& policy, const Globals& globals, Work* work) {
  AddWrite(
      policy, globals, work, "approve", "Agree to a draft that somebody else wrote",
      R"(Approves exactly the document as it is now (or as it was with --etag): it cannot be changed afterwards.
--reason is the approval's comment.

Examples:
  quotactl policy diff 0 7 --org acme
  quotactl policy approve 7 --org acme --reason "as discussed")",
      [](const Globals& g, const WriteFlags& flags) {
        return WriteVersion(g, flags, &AdminStub::ApprovePolicy, "");
      });
  const auto activate = AddWrite(
      policy, globals, work, "activate", "Put a draft in force, on every server at once",
      R"(Every server has it within a second. Where the active policy asks for approvals, it needs them first.

Examples:
  quotactl policy activate 7 --org acme
  quotactl policy activate 7 --org acme --yes --reason "budgets of 2027")",
      [](const Globals& g, const WriteFlags& flags) {
        if (!flags.yes.yes) {
          if (const auto failed = ShowWhatChanges(g, flags); failed.has_value()) return *failed;
        }
        return WriteVersion(
            g, flags, &AdminStub::ActivatePolicy,
            absl::StrCat("Put version ", flags.version, " of ", flags.org.org, " in force?"));
      });
  activate->yes.AddTo(*policy.get_subcommand("activate"));
  const auto discard =
      AddWrite(policy, globals, work, "discard", "Give a draft up",
               R"(It stays in the history, and can be neither changed nor activated.

Examples:
  quotactl policy discard 7 --org acme)",
               [](const Globals& g, const WriteFlags& flags) {
                 return WriteVersion(
                     g, flags, &AdminStub::DiscardDraft,
                     absl::StrCat("Discard version ", flags.version, " of ", flags.org.org, "?"));
               });
  discard->yes.AddTo(*policy.get_subcommand("discard"));
}

void AddRollback(CLI::App& policy, const Globals& globals, Work* work) {
  CLI::App* command =
      policy.add_subcommand("rollback", "Put an earlier version in force again, as a new one");
  const auto flags = std::make_shared<WriteFlags>();
  flags->org.AddTo(*command);
  command->add_option("VERSION", flags->version,
                      "Which; by default the one that was active before the present one");
  flags->reason.AddTo(*command, true);
  flags->yes.AddTo(*command);
  command->footer(
      R"(Needs no new approval: what was in force once was approved once. Counters keep what they have counted.

Examples:
  quotactl policy rollback --org acme --reason "search cannot work"
  quotactl policy rollback 5 --org acme --reason "search cannot work" --yes)");
  command->callback(
      [=, &globals] { *work = [=, &globals] { return RunRollback(globals, *flags); }; });
}

void AddReads(CLI::App& policy, const Globals& globals, Work* work) {
  CLI::App* history = policy.add_subcommand("history", "List an org's versions, newest first");
  const auto org = std::make_shared<OrgFlag>();
  org->AddTo(*history);
  const auto most = std::make_shared<int>(100);
  history->add_option("--most", *most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  history->footer(R"(Examples:
  quotactl policy history --org acme
  quotactl policy history --org acme --json)");
  history->callback(
      [=, &globals] { *work = [=, &globals] { return RunHistory(globals, *org, *most); }; });

  CLI::App* show = policy.add_subcommand("show", "Show a version and its document");
  const auto show_flags = std::make_shared<ShowFlags>();
  show_flags->org.AddTo(*show);
  show->add_option("VERSION", show_flags->version, "Its number; by default the active one");
  show->add_flag("--yaml", show_flags->yaml, "The document alone, as `policy draft` takes it");
  show->footer(R"(Examples:
  quotactl policy show --org acme
  quotactl policy show 6 --org acme --yaml > policy.yaml)");
  show->callback(
      [=, &globals] { *work = [=, &globals] { return RunShow(globals, *show_flags); }; });

  CLI::App* diff = policy.add_subcommand("diff", "What differs between two versions");
  const auto diff_org = std::make_shared<OrgFlag>();
  diff_org->AddTo(*diff);
  const auto from = std::make_shared<int64_t>(0);
  const auto to = std::make_shared<int64_t>(0);
  diff->add_option("FROM", *from, "A version's number; 0: the active one")->required();
  diff->add_option("TO", *to, "The other's; 0: the active one")->required();
  diff->footer(R"(Examples:
  quotactl policy diff 0 7 --org acme
  quotactl policy diff 5 6 --org acme --json)");
  diff->callback(
      [=, &globals] { *work = [=, &globals] { return RunDiff(globals, *diff_org, *from, *to); }; });
}

}  // namespace

void AddPolicyVersions(CLI::App& policy, const Globals& globals, Work* work) {
  AddDraft(policy, globals, work);
  AddWrites(policy, globals, work);
  AddRollback(policy, globals, work);
  AddReads(policy, globals, work);
}

}  // namespace quotaplane::quotactl
