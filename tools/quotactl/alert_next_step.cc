#include "tools/quotactl/alert_next_step.h"

#include "absl/strings/str_cat.h"
#include "tools/quotactl/alert_words.h"
#include "tools/quotactl/next_step.h"
#include "tools/terminal/table.h"

namespace quotaplane::quotactl {
namespace {

using terminal::Style;
using terminal::Table;

// Detectors learn from feedback about these.
bool IsDetected(const v1::Alert& alert) {
  return alert.kind() == v1::ALERT_KIND_ANOMALY || alert.kind() == v1::ALERT_KIND_RUNAWAY;
}

bool IsFrozen(const v1::Alert& alert) {
  return alert.action().kind() == v1::AlertAction::KIND_FREEZE && !alert.action().ended();
}

bool IsActedOn(const v1::Alert& alert) { return !ActionWords(alert.action()).empty(); }

// Its kind, and the smallest thing that it is about.
std::string MatchWords(const v1::Alert& alert) {
  std::string words = absl::StrCat("--match kind=", Word(alert.kind()));
  for (const char* name :
       {"labels.session", "session", "user", "project", "team", "model", "limit", "signal"}) {
    const auto found = alert.dimensions().find(name);
    if (found == alert.dimensions().end()) continue;
    return absl::StrCat(words, " --match ", ShellWord(absl::StrCat(name, "=", found->second)));
  }
  return words;
}

std::string NextTable(const Table& table, const Style& style) {
  return absl::StrCat("\nNext:\n", table.Render(style, "  "));
}

}  // namespace

std::string OrgWords(const std::string& org) {
  return org.empty() ? "--deployment" : absl::StrCat("--org ", ShellWord(org));
}

std::string NextStep(const v1::Alert& alert, const Style& style) {
  const std::string org = OrgWords(alert.org());
  const auto command = [&](const char* verb, const std::string& rest) {
    return absl::StrCat("quotactl alert ", verb, " ", rest, " ", org);
  };
  Table table({{""}, {""}});
  const bool resolved = alert.state() == v1::ALERT_STATE_RESOLVED;
  if (alert.state() == v1::ALERT_STATE_FIRING || alert.state() == v1::ALERT_STATE_SILENCED) {
    table.AddRow({command("ack", alert.alert_id()),
                  IsFrozen(alert) ? "somebody sees to it: no more messages, and the freeze ends"
                                  : "somebody sees to it: no more messages while it lasts"});
  }
  if (IsDetected(alert) && alert.feedback() == v1::ALERT_FEEDBACK_UNSPECIFIED) {
    table.AddRow({command("feedback", absl::StrCat(alert.alert_id(), " expected")),
                  "the like is not told again; or not-expected"});
  }
  if (alert.state() == v1::ALERT_STATE_FIRING) {
    table.AddRow({command("silence", absl::StrCat(MatchWords(alert), " --for 2h --reason WHY")),
                  "no messages of the like for a time"});
  }
  if (!resolved) {
    table.AddRow({command("resolve", alert.alert_id()),
                  IsActedOn(alert) ? "it is over: what was done to the scope ends" : "it is over"});
  }
  return table.empty() ? "" : NextTable(table, style);
}

std::string NextStep(const v1::Silence& silence, absl::Time now) {
  if (!Holds(silence, now)) return "";
  return absl::StrCat("\nIt ends by itself. Before that:\n  quotactl alert unsilence ",
                      silence.silence_id(), " ", OrgWords(silence.org()), "\n");
}

std::string NextStep(const v1::ListDeliveriesResponse& response, const std::string& org) {
  for (const v1::Delivery& delivery : response.deliveries()) {
    if (delivery.state() != v1::DELIVERY_STATE_DEAD) continue;
    return absl::StrCat("\nDead ones are not tried again by themselves. Once the receiver works:\n",
                        "  quotactl alert send-again ", delivery.delivery_id(), " ", OrgWords(org),
                        "\n");
  }
  return "";
}

std::string NoAlerts(const std::string& org, bool filtered, const Style& style) {
  Table table({{""}, {""}});
  if (filtered) {
    table.AddRow({absl::StrCat("quotactl alert list ", OrgWords(org)), "all of them"});
    return absl::StrCat("No such alerts.\n", NextTable(table, style));
  }
  table.AddRow({absl::StrCat("quotactl alert watch ", OrgWords(org)), "each as it is raised"});
  if (!org.empty()) {
    table.AddRow({absl::StrCat("quotactl policy show ", OrgWords(org), " --yaml"),
                  "its `alerts` say what raises one"});
  }
  return absl::StrCat("No alerts.\n", NextTable(table, style));
}

std::string NoSilences(const std::string& org, bool ended, const Style& style) {
  Table table({{""}, {""}});
  table.AddRow({absl::StrCat("quotactl alert silence --match kind=anomaly --for 2h --reason WHY ",
                             OrgWords(org)),
                "no messages of the like for a time"});
  if (ended) return absl::StrCat("No silences.\n", NextTable(table, style));
  table.AddRow({absl::StrCat("quotactl alert silences --ended ", OrgWords(org)),
                "also those that have ended"});
  return absl::StrCat("No silences hold.\n", NextTable(table, style));
}

std::string NoDeliveries(const std::string& org, bool filtered, const Style& style) {
  Table table({{""}, {""}});
  if (filtered) {
    table.AddRow({absl::StrCat("quotactl alert deliveries ", OrgWords(org)), "all of them"});
    return absl::StrCat("No such deliveries.\n", NextTable(table, style));
  }
  table.AddRow({"quotactl alert test RECEIVER", "sends it a test message now"});
  return absl::StrCat("Nothing was sent.\n", NextTable(table, style));
}

}  // namespace quotaplane::quotactl
