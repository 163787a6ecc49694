#include "tools/quotactl/next_step.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Style;
using terminal::Table;

bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-' ||
         c == '@' || c == ':' || c == '/';
}

std::string OfDraft(const v1::PolicyVersion& version, const Style& style) {
  const auto command = [&](const char* verb) {
    return absl::StrCat("quotactl policy ", verb, " ", version.version(), " --org ",
                        ShellWord(version.org()));
  };
  const int missing = version.approvals_needed() - version.approvals_size();
  Table table({{""}, {""}});
  if (version.approvals().empty()) {
    table.AddRow({command("plan"), "what it changes, and who would be over at once"});
    table.AddRow({command("backtest"), "what it would have refused in the last 30 days"});
  }
  if (missing > 0) {
    table.AddRow({command("approve"),
                  absl::StrCat("by others than its author: ", missing,
                               missing == 1 ? " approval is" : " approvals are", " missing")});
  }
  table.AddRow({command("activate"), missing > 0 ? "then" : "in force, on every server"});
  return absl::StrCat("\nIn force for nobody yet. Next:\n", table.Render(style, "  "));
}

}  // namespace

std::string ShellWord(const std::string& text) {
  bool plain = !text.empty();
  for (const char c : text) plain = plain && IsPlain(c);
  return plain ? text : absl::StrCat("'", absl::StrReplaceAll(text, {{"'", R"('\'')"}}), "'");
}

std::string NextStep(const v1::PolicyVersion& version, const Style& style) {
  if (version.version() == 0) return "";
  if (version.state() == v1::POLICY_STATE_DRAFT) return OfDraft(version, style);
  if (version.state() != v1::POLICY_STATE_ACTIVE) return "";
  return absl::StrCat("\nOn every server within a second. If it is wrong:\n",
                      "  quotactl policy rollback --org ", ShellWord(version.org()),
                      " --reason WHY\n");
}

std::string NextStep(const v1::Exception& exception, const Style& style) {
  switch (exception.state()) {
    case v1::EXCEPTION_STATE_REQUESTED: {
      const std::string rest =
          absl::StrCat(exception.exception_id(), " --org ", ShellWord(exception.org()));
      Table table({{""}, {""}});
      table.AddRow({absl::StrCat("quotactl exception approve ", rest), "by somebody else"});
      table.AddRow({absl::StrCat("quotactl exception revoke ", rest), "to withdraw it"});
      return absl::StrCat("\nIt waits for a decision. Next:\n", table.Render(style, "  "));
    }
    case v1::EXCEPTION_STATE_SCHEDULED:
      return "\nIt begins and ends by itself.\n";
    case v1::EXCEPTION_STATE_ACTIVE:
      return "\nIn force on every server within a second; it ends by itself.\n";
    default:
      return "";
  }
}

std::string NextStep(const v1::PriceBookVersion& book, const Style& style) {
  if (book.state() != v1::PRICE_BOOK_STATE_DRAFT) return "";
  Table table({{""}, {""}});
  const std::string activate = absl::StrCat("quotactl prices activate ", book.number());
  table.AddRow({activate, "for every org, from now on"});
  table.AddRow({absl::StrCat(activate, " --at 2027-01-01"), "or from then on"});
  return absl::StrCat("\nNot in use yet. Next:\n", table.Render(style, "  "));
}

}  // namespace quotaplane::quotactl
