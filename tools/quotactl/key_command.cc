#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/quotactl/access_render.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

terminal::Style OutStyle() { return terminal::Style::For(STDOUT_FILENO); }

std::string KeyText(const v1::Key& key) { return KeyAsText(key, absl::Now(), OutStyle()); }

// The secret on a line of its own, after everything that explains it.
std::string SecretText(const v1::CreateKeyResponse& response) {
  if (response.secret().empty()) {
    return absl::StrCat(KeyText(response.key()),
                        "\nThe call had been carried out before, and its answer was lost: the "
                        "secret is not shown twice. quotactl key rotate makes a new one.\n");
  }
  return absl::StrCat(KeyText(response.key()), "\nShown this once; keep it:\n\n", response.secret(),
                      "\n");
}

struct SpecFlags {
  std::string name, team, project, user, expires;
  std::vector<std::string> models;

  void AddTo(CLI::App& command) {
    command.add_option("--name", name, "For people: what it is for");
    command.add_option("--team", team, "Whose it is; takes the place of what a request says");
    command.add_option("--project", project, "As --team");
    command.add_option("--user", user, "As --team");
    command
        .add_option("--allow-model", models,
                    "A model, or a glob such as claude-*, that it is good for; repeatable; by "
                    "default all")
        ->allow_extra_args(false);
    command.add_option("--expires", expires, "When it ends: 90d, 2027-01-01; by default never");
  }
  absl::Status Fill(v1::Key* key) const {
    key->set_display_name(name);
    key->set_team(team);
    key->set_project(project);
    key->set_user(user);
    for (const std::string& model : models) key->add_models(model);
    if (expires.empty() || expires == "never") return absl::OkStatus();
    const absl::StatusOr<absl::Time> time = ParseUntil("--expires", expires, absl::Now());
    if (!time.ok()) return time.status();
    SetTime(*time, key->mutable_expire_time());
    return absl::OkStatus();
  }
};

struct KeyFlags {
  OrgFlag org;
  ReasonFlag reason;
  YesFlag yes;
  SpecFlags spec;
  std::string id, grace;
  std::vector<std::string> fields;  // of the mask
};

int RunCreate(const Globals& globals, const KeyFlags& flags) {
  v1::CreateKeyRequest request;
  request.set_org(flags.org.org);
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  const absl::Status filled = flags.spec.Fill(request.mutable_key());
  if (!filled.ok()) return ReportError(globals, filled);
  return WriteAndPrint(globals, &AdminStub::CreateKey, request, SecretText);
}

std::optional<int> ReadKey(const Globals& globals, const KeyFlags& flags, v1::Key* key) {
  v1::GetKeyRequest request;
  request.set_org(flags.org.org);
  request.set_key_id(flags.id);
  return CallOnce(globals, &AdminStub::GetKey, request, key);
}

int RunUpdate(const Globals& globals, const KeyFlags& flags) {
  if (flags.fields.empty()) {
    return ReportError(globals, absl::InvalidArgumentError(
                                    "nothing to change: give --name, --team, --project, --user, "
                                    "--allow-model or --expires"));
  }
  v1::UpdateKeyRequest request;
  const absl::Status filled = flags.spec.Fill(request.mutable_key());
  if (!filled.ok()) return ReportError(globals, filled);
  v1::Key present;
  if (const auto failed = ReadKey(globals, flags, &present); failed.has_value()) return *failed;
  request.mutable_key()->set_org(flags.org.org);
  request.mutable_key()->set_key_id(flags.id);
  request.mutable_key()->set_etag(present.etag());
  for (const std::string& field : flags.fields) request.mutable_update_mask()->add_paths(field);
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::UpdateKey, request, KeyText);
}

int RunRotate(const Globals& globals, const KeyFlags& flags) {
  v1::RotateKeyRequest request;
  if (!flags.grace.empty()) {
    const absl::Time now = absl::Now();
    const absl::StatusOr<absl::Time> until = ParseUntil("--grace", flags.grace, now);
    if (!until.ok()) return ReportError(globals, until.status());
    request.set_grace_seconds(absl::ToInt64Seconds(*until - now));
  }
  v1::Key present;
  if (const auto failed = ReadKey(globals, flags, &present); failed.has_value()) return *failed;
  const std::string old = request.grace_seconds() == 0
                              ? "The old secret ends at once."
                              : absl::StrCat("The old secret ends in ", flags.grace, ".");
  const auto no =
      flags.yes.Confirm(globals, absl::StrCat("Make a new secret for key ", flags.id, "? ", old));
  if (no.has_value()) return *no;
  request.set_org(flags.org.org);
  request.set_key_id(flags.id);
  request.set_etag(present.etag());
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::RotateKey, request, SecretText);
}

int RunRevoke(const Globals& globals, const KeyFlags& flags) {
  const auto no = flags.yes.Confirm(
      globals, absl::StrCat("Revoke key ", flags.id, " of ", flags.org.org, ", for good?"));
  if (no.has_value()) return *no;
  v1::RevokeKeyRequest request;
  request.set_org(flags.org.org);
  request.set_key_id(flags.id);
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::RevokeKey, request, KeyText);
}

int RunShow(const Globals& globals, const KeyFlags& flags) {
  v1::Key key;
  if (const auto failed = ReadKey(globals, flags, &key); failed.has_value()) return *failed;
  Print(globals, key, KeyText(key));
  return client::kDone;
}

struct ListFlags {
  OrgFlag org;
  std::string user, team, project;
  int most = 100;
};

int RunList(const Globals& globals, const ListFlags& flags) {
  v1::ListKeysRequest request;
  request.set_org(flags.org.org);
  request.set_user(flags.user);
  request.set_team(flags.team);
  request.set_project(flags.project);
  v1::ListKeysResponse response;
  const auto failed = ReadPages(globals, &AdminStub::ListKeys, request,
                                &v1::ListKeysResponse::mutable_keys, flags.most, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response, KeysAsText(response, OutStyle()));
  return client::kDone;
}

template <typename Run>
CLI::App* AddOne(CLI::App& key, const Globals& globals, Work* work, const char* name,
                 const char* help, const char* footer, const std::shared_ptr<KeyFlags>& flags,
                 Run run) {
  CLI::App* command = key.add_subcommand(name, help);
  flags->org.AddTo(*command);
  command->footer(footer);
  command->callback([=, &globals] { *work = [=, &globals] { return run(globals, *flags); }; });
  return command;
}

void AddCreate(CLI::App& key, const Globals& globals, Work* work) {
  const auto flags = std::make_shared<KeyFlags>();
  CLI::App* command = AddOne(
      key, globals, work, "create", "Make a key; its secret is shown this once",
      R"(A client sends it in place of a provider's key; the gateway passes it on in Reserve. What it stands for takes the
place of what a request says of team, project and user. --json has the secret in the field `secret`.

Examples:
  quotactl key create --org acme --team search --user alice --name "Alice's laptop" --expires 90d
  quotactl key create --org acme --team ci --allow-model "claude-haiku-*" --reason OPS-17)",
      flags, RunCreate);
  flags->spec.AddTo(*command);
  flags->reason.AddTo(*command);
}

void AddUpdate(CLI::App& key, const Globals& globals, Work* work) {
  const auto flags = std::make_shared<KeyFlags>();
  CLI::App* command = AddOne(
      key, globals, work, "update", "Change what a key stands for",
      R"(Only what is given is changed; "" takes a value away, --expires never an end, --allow-model "" the list.

Examples:
  quotactl key update abcdefgh234567ab --org acme --expires 2027-06-30
  quotactl key update abcdefgh234567ab --org acme --user "" --team platform)",
      flags, [&key](const Globals& g, const KeyFlags& given) {
        KeyFlags with = given;
        const CLI::App* const self = key.get_subcommand("update");
        const std::pair<const char*, const char*> names[] = {
            {"--name", "display_name"}, {"--team", "team"},          {"--project", "project"},
            {"--user", "user"},         {"--allow-model", "models"}, {"--expires", "expire_time"}};
        for (const auto& [flag, field] : names) {
          if (self->count(flag) > 0) with.fields.emplace_back(field);
        }
        std::erase(with.spec.models, "");
        return RunUpdate(g, with);
      });
  command->add_option("KEY", flags->id, "Its id")->required();
  flags->spec.AddTo(*command);
  flags->reason.AddTo(*command);
}

void AddEnds(CLI::App& key, const Globals& globals, Work* work) {
  const auto rotate_flags = std::make_shared<KeyFlags>();
  CLI::App* rotate = AddOne(key, globals, work, "rotate", "Make a new secret for the same key",
                            R"(Examples:
  quotactl key rotate abcdefgh234567ab --org acme --grace 7d
  quotactl key rotate abcdefgh234567ab --org acme --yes --reason "leaked into a log")",
                            rotate_flags, RunRotate);
  rotate->add_option("KEY", rotate_flags->id, "Its id")->required();
  rotate->add_option("--grace", rotate_flags->grace,
                     "How long the old secret stays good, up to 30d; by default not at all");
  rotate_flags->reason.AddTo(*rotate);
  rotate_flags->yes.AddTo(*rotate);

  const auto revoke_flags = std::make_shared<KeyFlags>();
  CLI::App* revoke =
      AddOne(key, globals, work, "revoke", "End a key for good, on every server within a second",
             R"(Examples:
  quotactl key revoke abcdefgh234567ab --org acme --yes --reason "laptop stolen")",
             revoke_flags, RunRevoke);
  revoke->add_option("KEY", revoke_flags->id, "Its id")->required();
  revoke_flags->reason.AddTo(*revoke);
  revoke_flags->yes.AddTo(*revoke);
}

}  // namespace

void AddKey(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* key =
      app.add_subcommand("key", "Virtual keys: what a client has in place of a provider's");
  key->require_subcommand(1);
  AddCreate(*key, globals, work);
  AddUpdate(*key, globals, work);
  AddEnds(*key, globals, work);

  const auto show_flags = std::make_shared<KeyFlags>();
  CLI::App* show = AddOne(*key, globals, work, "show", "Show one, without its secret", R"(Examples:
  quotactl key show abcdefgh234567ab --org acme)",
                          show_flags, RunShow);
  show->add_option("KEY", show_flags->id, "Its id")->required();

  CLI::App* list = key->add_subcommand("list", "List an org's keys");
  const auto flags = std::make_shared<ListFlags>();
  flags->org.AddTo(*list);
  list->add_option("--user", flags->user, "Only this user's");
  list->add_option("--team", flags->team, "Only this team's");
  list->add_option("--project", flags->project, "Only this project's");
  list->add_option("--most", flags->most, "How many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  list->footer(R"(Examples:
  quotactl key list --org acme --user alice
  quotactl key list --org acme --most 100000 --json > keys.json)");
  list->callback([=, &globals] { *work = [=, &globals] { return RunList(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
