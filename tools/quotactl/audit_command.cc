#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tools/client/json.h"
#include "tools/quotactl/access_render.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/audit_walk.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/follow.h"
#include "tools/terminal/format.h"
#include "tools/terminal/progress.h"

namespace quotaplane::quotactl {
namespace {

constexpr int kPageSize = 1'000;

struct AuditFlags {
  OrgFlag org;
  bool deployment = false;
  std::string actor, action, target, expect;
  std::optional<int64_t> after;
  int most = 50;

  void AddTo(CLI::App& command) {
    org.AddTo(command);
    command.add_flag("--deployment", deployment,
                     "The deployment's own log in place of an org's: price books, and callers that "
                     "nobody knows");
  }
  std::string Org() const { return deployment ? "" : org.org; }
};

// The number of the log's last row.
std::optional<int> ReadLast(const Globals& globals, const std::string& org, int64_t* last) {
  v1::ListAuditRequest request;
  request.set_org(org);
  request.set_page_size(1);
  v1::ListAuditResponse response;
  const auto failed = CallOnce(globals, &AdminStub::ListAudit, request, &response);
  *last = response.last_number();
  return failed;
}

// The last flags.most rows of those that fit, or with --after the first of them.
int RunList(const Globals& globals, const AuditFlags& flags) {
  v1::ListAuditRequest request;
  request.set_org(flags.Org());
  request.set_actor(flags.actor);
  request.set_action(flags.action);
  request.set_target(flags.target);
  request.set_page_size(kPageSize);
  const bool whole = flags.actor.empty() && flags.action.empty() && flags.target.empty();
  int64_t last = 0;
  if (const auto failed = ReadLast(globals, flags.Org(), &last); failed.has_value()) return *failed;
  request.set_after_number(
      flags.after.value_or(whole ? std::max<int64_t>(0, last - flags.most) : 0));
  v1::ListAuditResponse shown;
  do {
    v1::ListAuditResponse page;
    const auto failed = CallOnce(globals, &AdminStub::ListAudit, request, &page);
    if (failed.has_value()) return *failed;
    shown.mutable_rows()->MergeFrom(page.rows());
    const int extra = shown.rows_size() - flags.most;
    if (extra > 0 && flags.after.has_value()) {
      shown.mutable_rows()->DeleteSubrange(flags.most, extra);
      break;
    }
    if (extra > 0) shown.mutable_rows()->DeleteSubrange(0, extra);
    shown.set_last_number(page.last_number());
    shown.set_last_hash(page.last_hash());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  Print(globals, shown, AuditAsText(shown.rows(), terminal::Style::For(STDOUT_FILENO)));
  return client::kDone;
}

int RunTail(const Globals& globals, const AuditFlags& flags) {
  v1::WatchAuditRequest request;
  request.set_org(flags.Org());
  int64_t after = 0;
  if (flags.after.has_value()) {
    after = *flags.after;
  } else if (const auto failed = ReadLast(globals, flags.Org(), &after); failed.has_value()) {
    return *failed;
  }
  const absl::StatusOr<client::Connection> connection = Connect(globals);
  if (!connection.ok()) return ReportError(globals, connection.status());
  return Follow<v1::AuditRow>(
      globals, *connection,
      [&](grpc::ClientContext* context) {
        request.set_after_number(after);
        return connection->admin()->WatchAudit(context, request);
      },
      [&](const v1::AuditRow& row) {
        after = row.number();
        return WriteLine(client::ToJsonLine(row));
      });
}

// Prints the verdict; the exit code.
int PrintWalk(const Globals& globals, const AuditWalk& walk,
              const std::optional<std::string>& wrong) {
  const AuditMark mark = walk.mark();
  if (globals.json) {
    nlohmann::ordered_json json;
    json["intact"] = !wrong.has_value();
    json["rows"] = mark.number;
    json["mark"] = absl::StrCat(mark.number, ":", mark.hash);
    if (wrong.has_value()) json["error"] = *wrong;
    std::printf("%s\n", json.dump(2).c_str());
  }
  if (wrong.has_value()) {
    std::fprintf(stderr, "%s: %s\n",
                 terminal::Style::For(STDERR_FILENO).Paint(terminal::Tone::kBad, "broken").c_str(),
                 wrong->c_str());
    return client::kFailed;
  }
  if (globals.json) return client::kDone;
  const terminal::Style style = terminal::Style::For(STDOUT_FILENO);
  std::printf("%s: %s rows follow each other unchanged.\n",
              style.Paint(terminal::Tone::kGood, "intact").c_str(),
              terminal::FormatCount(mark.number).c_str());
  if (mark.number > 0) {
    std::printf("Write this down elsewhere, for --expect:\n\n%lld:%s\n",
                static_cast<long long>(mark.number), mark.hash.c_str());
  }
  return client::kDone;
}

int RunVerify(const Globals& globals, const AuditFlags& flags) {
  std::optional<AuditMark> expected;
  if (!flags.expect.empty()) {
    const absl::StatusOr<AuditMark> mark = ParseAuditMark("--expect", flags.expect);
    if (!mark.ok()) return ReportError(globals, mark.status());
    expected = *mark;
  }
  AuditWalk walk(expected);
  v1::ListAuditRequest request;
  request.set_org(flags.Org());
  request.set_page_size(kPageSize);
  std::atomic<int64_t> done = 0, total = 0;
  std::optional<std::string> wrong;
  {
    const terminal::Progress progress([&] {
      return absl::StrCat("audit verify  ", terminal::FormatCount(done), " of ",
                          terminal::FormatCount(total), " rows");
    });
    do {
      v1::ListAuditResponse page;
      const auto failed = CallOnce(globals, &AdminStub::ListAudit, request, &page);
      if (failed.has_value()) return *failed;
      wrong = walk.Take(page);
      done = walk.last_number();
      total = page.last_number();
      request.set_page_token(page.next_page_token());
    } while (!wrong.has_value() && !request.page_token().empty());
  }
  if (!wrong.has_value()) wrong = walk.End();
  return PrintWalk(globals, walk, wrong);
}

}  // namespace

void AddAudit(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* audit = app.add_subcommand("audit", "Who changed what, or tried to");
  audit->require_subcommand(1);

  const auto list_flags = std::make_shared<AuditFlags>();
  CLI::App* list = audit->add_subcommand("list", "List rows, oldest first; by default the last 50");
  list_flags->AddTo(*list);
  list->add_option("--after", list_flags->after, "Rows after this number, the first of them");
  list->add_option("--actor", list_flags->actor, "Only of this actor, exactly");
  list->add_option("--action", list_flags->action, "Only this, such as ActivatePolicy");
  list->add_option("--target", list_flags->target, "Only of this, such as policy/7");
  list->add_option("--most", list_flags->most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->footer(R"(--json has what was before and after each change, too.

Examples:
  quotactl audit list --org acme
  quotactl audit list --org acme --action ActivatePolicy --json)");
  list->callback(
      [=, &globals] { *work = [=, &globals] { return RunList(globals, *list_flags); }; });

  const auto tail_flags = std::make_shared<AuditFlags>();
  CLI::App* tail = audit->add_subcommand("tail", "Each row as it is written, as JSON lines");
  tail_flags->AddTo(*tail);
  tail->add_option("--after", tail_flags->after,
                   "Begin after this number: 0 is the whole log; by default with what comes");
  tail->footer(
      R"(For a SIEM. Goes on after a restart of the server, without a gap and without a row twice. Ends with ^C.

Examples:
  quotactl audit tail --org acme --after 0 >> audit.jsonl
  quotactl audit tail --deployment)");
  tail->callback(
      [=, &globals] { *work = [=, &globals] { return RunTail(globals, *tail_flags); }; });

  const auto flags = std::make_shared<AuditFlags>();
  CLI::App* verify =
      audit->add_subcommand("verify", "Prove that no row was changed, removed or slipped in");
  flags->AddTo(*verify);
  verify->add_option("--expect", flags->expect,
                     "NUMBER:HASH, as an earlier run printed it: that row must be there unchanged");
  verify->footer(
      R"(Walks the whole chain and checks each hash here, not on the server. What it prints at the end, written down where
nobody with access to the database can change it, also finds a log that was cut off or written anew as a whole.
Exit code: 0 intact, 1 broken (the first bad row is named), or it could not be read.

Examples:
  quotactl audit verify --org acme
  quotactl audit verify --org acme --expect 17:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08)");
  verify->callback([=, &globals] { *work = [=, &globals] { return RunVerify(globals, *flags); }; });
}

}  // namespace quotaplane::quotactl
