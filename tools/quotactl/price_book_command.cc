// Price books of the server: push, activate, history.
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/quotactl/access_render.h"
#include "tools/quotactl/admin_flags.h"
#include "tools/quotactl/calls.h"
#include "tools/quotactl/commands.h"
#include "tools/quotactl/next_step.h"
#include "tools/quotactl/read_file.h"
#include "tools/quotactl/report_flags.h"

namespace quotaplane::quotactl {
namespace {

std::string BookText(const v1::PriceBookVersion& book) {
  return PriceBookAsText(book, absl::Now()) + NextStep(book, terminal::Style::For(STDOUT_FILENO));
}

struct BookFlags {
  ReasonFlag reason;
  YesFlag yes;
  std::string file, at;
  int64_t number = 0;
  int most = 100;
};

int RunPush(const Globals& globals, const BookFlags& flags) {
  const absl::StatusOr<std::string> yaml = ReadFile(flags.file);
  if (!yaml.ok()) return ReportError(globals, yaml.status());
  v1::CreatePriceBookRequest request;
  request.set_request_id(NewId());
  request.set_yaml(*yaml);
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::CreatePriceBook, request, BookText);
}

int RunActivate(const Globals& globals, const BookFlags& flags) {
  v1::GetPriceBookRequest read;
  read.set_number(flags.number);
  v1::PriceBookVersion present;
  const auto failed = CallOnce(globals, &AdminStub::GetPriceBook, read, &present);
  if (failed.has_value()) return *failed;
  v1::ActivatePriceBookRequest request;
  if (!flags.at.empty()) {
    const absl::StatusOr<absl::Time> at = ParseUntil("--at", flags.at, absl::Now());
    if (!at.ok()) return ReportError(globals, at.status());
    SetTime(*at, request.mutable_activate_time());
  }
  const auto no = flags.yes.Confirm(
      globals, absl::StrCat("Use price book ", flags.number, " (", present.version(), ") from ",
                            flags.at.empty() ? "now" : flags.at, " on, for every org?"));
  if (no.has_value()) return *no;
  request.set_number(flags.number);
  request.set_etag(present.etag());
  request.set_request_id(NewId());
  request.set_reason(flags.reason.reason);
  return WriteAndPrint(globals, &AdminStub::ActivatePriceBook, request, BookText);
}

int RunHistory(const Globals& globals, const BookFlags& flags) {
  v1::ListPriceBooksResponse response;
  const auto failed =
      ReadPages(globals, &AdminStub::ListPriceBooks, v1::ListPriceBooksRequest(),
                &v1::ListPriceBooksResponse::mutable_price_books, flags.most, &response);
  if (failed.has_value()) return *failed;
  Print(globals, response, PriceBooksAsText(response, terminal::Style::For(STDOUT_FILENO)));
  return client::kDone;
}

}  // namespace

void AddPriceBooks(CLI::App& prices, const Globals& globals, Work* work) {
  const auto push_flags = std::make_shared<BookFlags>();
  CLI::App* push =
      prices.add_subcommand("push", "Give the server a new price book; not in use yet");
  push->add_option("FILE", push_flags->file, "The price book, in YAML")->required();
  push_flags->reason.AddTo(*push);
  push->footer(R"(Examples:
  quotactl prices push prices.yaml --reason "new contract")");
  push->callback(
      [=, &globals] { *work = [=, &globals] { return RunPush(globals, *push_flags); }; });

  const auto flags = std::make_shared<BookFlags>();
  CLI::App* activate =
      prices.add_subcommand("activate", "Use a price book, on every server, for every org");
  activate->add_option("NUMBER", flags->number, "Its number")->required();
  activate->add_option("--at", flags->at, "From when on: 12h, 2027-01-01; by default now");
  flags->reason.AddTo(*activate);
  flags->yes.AddTo(*activate);
  activate->footer(
      R"(What was charged stays as it was; quotactl rerate corrects it where it must be.

Examples:
  quotactl prices activate 3
  quotactl prices activate 3 --at 2027-01-01 --yes --reason "new contract")");
  activate->callback(
      [=, &globals] { *work = [=, &globals] { return RunActivate(globals, *flags); }; });

  const auto history_flags = std::make_shared<BookFlags>();
  CLI::App* history = prices.add_subcommand("history", "List the server's price books");
  history->add_option("--most", history_flags->most, "How many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  history->footer(R"(Examples:
  quotactl prices history)");
  history->callback(
      [=, &globals] { *work = [=, &globals] { return RunHistory(globals, *history_flags); }; });
}

}  // namespace quotaplane::quotactl
