#include "services/quota/use_metrics.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quotaplane {
namespace {

using metrics::Family;
using metrics::Labels;

constexpr double kNanos = 1e9;
constexpr size_t kTopUsers = 10;
// As of Decision.
constexpr std::array<std::string_view, UseCounts::kDecisions> kDecisionNames = {
    "allow", "allow_soft", "deny"};

Labels With(Labels labels, const char* name, std::string_view value) {
  labels.emplace_back(name, std::string(value));
  return labels;
}

void AddUse(const UseCounts::Use& use, Family* requests, Family* cost, Family* tokens) {
  Labels labels = {
      {"org", use.org}, {"team", use.team}, {"project", use.project}, {"model", use.model}};
  const auto add_requests = [&](std::string_view decision, int64_t count) {
    if (count == 0) return;
    requests->samples.push_back({static_cast<double>(count), With(labels, "decision", decision)});
  };
  for (size_t i = 0; i < use.decided.size(); ++i) add_requests(kDecisionNames[i], use.decided[i]);
  add_requests("recorded", use.recorded);
  for (size_t i = 0; i < use.tokens.size(); ++i) {
    if (use.tokens[i] == 0) continue;
    tokens->samples.push_back(
        {static_cast<double>(use.tokens[i]), With(labels, "meter", UseCounts::kTokenMeters[i])});
  }
  cost->samples.push_back({static_cast<double>(use.cost_nano_usd) / kNanos, std::move(labels)});
}

void AddTopUsers(const UseCounts& counts, int64_t now_us, std::vector<Family>* all) {
  const UseCounts::TopUsers top = counts.ReadTopUsers(kTopUsers, now_us);
  Family cost = metrics::Gauges("quotaplane_top_user_cost_usd",
                                "What the users that cost the most have cost this process today "
                                "(UTC), by rank.");
  Family above =
      metrics::Gauges("quotaplane_top_user_overestimate_usd", "By how much that may be too high.");
  for (size_t i = 0; i < top.top.size(); ++i) {
    // Whose it is stays here: metrics are open to more people than reports, and outlive an erasure.
    const Labels labels = {{"rank", absl::StrCat(i + 1)}};
    cost.samples.push_back({static_cast<double>(top.top[i].sum) / kNanos, labels});
    above.samples.push_back({static_cast<double>(top.top[i].overestimate) / kNanos, labels});
  }
  all->push_back(std::move(cost));
  all->push_back(std::move(above));
  all->push_back(metrics::Gauge("quotaplane_top_users",
                                "Users told apart today, of whom these are the first.",
                                static_cast<double>(top.users)));
}

}  // namespace

std::vector<Family> UseMetrics(const UseCounts& counts, int64_t now_us) {
  Family requests = metrics::Counters("quotaplane_requests_total",
                                      "Reserves decided, and usage recorded without one.");
  Family cost = metrics::Counters("quotaplane_cost_usd_total", "Charged by this process.");
  Family tokens =
      metrics::Counters("quotaplane_tokens_total", "Tokens charged by this process, by meter.");
  for (const UseCounts::Use& use : counts.Read()) AddUse(use, &requests, &cost, &tokens);
  Family away = metrics::Counters("quotaplane_outage_answers_total",
                                  "Reserves answered while the counter store was away.");
  const std::array<int64_t, UseCounts::kDecisions> decided_away = counts.decided_away();
  for (size_t i = 0; i < decided_away.size(); ++i) {
    away.samples.push_back(
        {static_cast<double>(decided_away[i]), {{"decision", std::string(kDecisionNames[i])}}});
  }
  std::vector<Family> all = {
      std::move(requests),
      std::move(cost),
      std::move(tokens),
      metrics::Gauge("quotaplane_use_label_sets",
                     "Combinations of org, team, project and model with series of their own.",
                     static_cast<double>(counts.sets())),
      metrics::Gauge("quotaplane_use_label_sets_most", "How many may have them.",
                     static_cast<double>(counts.most_sets())),
      metrics::Counter("quotaplane_use_overflow_total",
                       "Requests and charges counted under `overflow`.",
                       static_cast<double>(counts.overflowed())),
      std::move(away)};
  AddTopUsers(counts, now_us, &all);
  return all;
}

std::vector<Family> SpoolMetrics(const SpoolStats& spool) {
  return {
      metrics::Gauge("quotaplane_spool_records",
                     "Charges on this replica's disk, which wait for the counter store.",
                     static_cast<double>(spool.records)),
      metrics::Gauge("quotaplane_spool_bytes", "Their bytes.", static_cast<double>(spool.bytes)),
      metrics::Counter("quotaplane_spool_appended_total", "Charges that were spooled.",
                       static_cast<double>(spool.appended)),
      metrics::Counter("quotaplane_spool_acknowledged_total",
                       "Spooled charges that have been charged since.",
                       static_cast<double>(spool.acknowledged)),
      metrics::Counter("quotaplane_spool_damaged_total",
                       "Records that a disk had damaged, put aside.",
                       static_cast<double>(spool.damaged_records)),
  };
}

}  // namespace quotaplane
