#include "services/ledger/ledger_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace quotaplane {
namespace {

using metrics::Family;
using metrics::Sample;

constexpr double kNano = 1e-9;
constexpr double kMicro = 1e-6;

Family Gauge(std::string name, std::string help, std::vector<Sample> samples) {
  return {std::move(name), Family::Type::kGauge, std::move(help), std::move(samples)};
}
Family Counter(std::string name, std::string help, int64_t value) {
  return {std::move(name), Family::Type::kCounter, std::move(help), {{static_cast<double>(value)}}};
}

// Limits may count any meter; a label may not have any value.
std::string UnitLabel(const std::string& unit) {
  for (const char* known : {"usd", "requests", "input_tokens", "output_tokens", "total_tokens"}) {
    if (unit == known) return unit;
  }
  return "meter";
}

void AddOutbox(const LedgerStatus& status, std::vector<Family>* all) {
  std::vector<Sample> messages, age, quarantined, moves;
  if (status.outbox.has_value()) {
    messages.push_back({static_cast<double>(status.outbox->messages)});
    age.push_back({static_cast<double>(status.outbox->oldest_age_us) * kMicro});
    quarantined.push_back({static_cast<double>(status.outbox->quarantined)});
  }
  if (status.pending_moves.has_value()) {
    moves.push_back({static_cast<double>(*status.pending_moves)});
  }
  all->push_back(Gauge("quotaplane_ledger_outbox_messages",
                       "Charges and batches of refusals that are not in the ledger's database yet.",
                       std::move(messages)));
  all->push_back(Gauge("quotaplane_ledger_outbox_oldest_age_seconds",
                       "Age of the oldest of them; 0 where there is none.", std::move(age)));
  all->push_back(
      Gauge("quotaplane_ledger_quarantine_messages",
            "Charges and batches of refusals that could not be written, ever, and were put "
            "aside.",
            std::move(quarantined)));
  all->push_back(Gauge("quotaplane_ledger_pending_moves",
                       "Corrections that have not reached the live counters yet.",
                       std::move(moves)));
}

void AddWorker(const LedgerWorker::Stats& worker, std::vector<Family>* all) {
  all->push_back(Counter("quotaplane_ledger_charges_total", "Charges written by this process.",
                         worker.charges));
  all->push_back(Counter("quotaplane_ledger_entries_total", "Entries written by this process.",
                         worker.entries));
  all->push_back(Counter("quotaplane_ledger_refusal_batches_total",
                         "Batches of refusals written by this process.", worker.refusals));
  all->push_back(Counter("quotaplane_ledger_duplicates_total",
                         "Charges and batches of refusals that came again and were left out.",
                         worker.duplicates));
  all->push_back(Counter("quotaplane_ledger_quarantined_total",
                         "Charges and batches of refusals that this process put aside.",
                         worker.quarantined));
  all->push_back(Counter("quotaplane_ledger_failed_rounds_total",
                         "Rounds that the store or the database broke off.", worker.failures));
}

void AddBooks(const BookState& books, absl::Time now, std::vector<Family>* all) {
  all->push_back(Gauge("quotaplane_ledger_books_watching",
                       "1 where this process compares the books: of all that share a store, one.",
                       {{books.watching ? 1.0 : 0.0}}));
  std::vector<Sample> filled;
  if (books.watching) filled.push_back({books.filled ? 0.0 : 1.0});
  all->push_back(Gauge("quotaplane_ledger_books_unfilled",
                       "1 while counters wait to be filled from the ledger.", std::move(filled)));
  std::vector<Sample> age, took, unknown, compared, drifting, sum, max;
  if (books.checked != absl::InfinitePast()) {
    age.push_back({absl::ToDoubleSeconds(now - books.checked)});
    took.push_back({absl::ToDoubleSeconds(books.took)});
    unknown.push_back({static_cast<double>(books.unknown_orgs)});
    compared.push_back({static_cast<double>(books.counters)});
    std::map<std::string, std::array<double, 3>> drifts;
    for (const auto& [unit, drift] : books.drift) {
      const double scale = unit == "usd" ? kNano : 1;
      std::array<double, 3>& of = drifts[UnitLabel(unit)];
      of[0] += static_cast<double>(drift.counters);
      of[1] += static_cast<double>(drift.sum) * scale;
      of[2] = std::max(of[2], static_cast<double>(drift.max) * scale);
    }
    for (const auto& [unit, of] : drifts) {
      drifting.push_back({of[0], {{"unit", unit}}});
      sum.push_back({of[1], {{"unit", unit}}});
      max.push_back({of[2], {{"unit", unit}}});
    }
  }
  all->push_back(Gauge("quotaplane_ledger_books_check_age_seconds",
                       "Time since the last complete comparison of all books.", std::move(age)));
  all->push_back(Gauge("quotaplane_ledger_books_check_duration_seconds",
                       "How long that took, with its rests.", std::move(took)));
  all->push_back(Gauge("quotaplane_ledger_books_unknown_orgs",
                       "Orgs that it could say nothing of, since their ledger was behind.",
                       std::move(unknown)));
  all->push_back(
      Gauge("quotaplane_ledger_books_counters", "Counters that it compared.", std::move(compared)));
  all->push_back(Gauge("quotaplane_ledger_drift_counters", "Counters that differ from the ledger.",
                       std::move(drifting)));
  all->push_back(Gauge("quotaplane_ledger_drift",
                       "Sum of the differences' sizes, in USD, tokens, requests or units.",
                       std::move(sum)));
  all->push_back(Gauge("quotaplane_ledger_drift_max", "The largest of them, in the same units.",
                       std::move(max)));
}

}  // namespace

std::vector<Family> LedgerMetrics(const LedgerStatus& status, absl::Time now) {
  std::vector<Family> all;
  all.push_back(Gauge("quotaplane_ledger_available",
                      "0 if the worker's last round could not write into the ledger's database.",
                      {{status.available ? 1.0 : 0.0}}));
  AddOutbox(status, &all);
  AddWorker(status.worker, &all);
  AddBooks(status.books, now, &all);
  return all;
}

}  // namespace quotaplane
