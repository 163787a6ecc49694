#include "services/quotaplane/process_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/time/clock.h"
#include "libs/counters/redis/availability.h"
#include "libs/log/suppressed_lines.h"

namespace quotaplane {
namespace {

using metrics::Family;

// Orgs whose policies' versions are told.
constexpr size_t kMostOrgs = 100;

// Of /proc/self/stat from its third field on, behind the program's name, which may have anything
// in it: proc(5) counts from 1.
struct ProcessStat {
  double cpu_s = 0;
  double started_s = 0;  // since the machine's start
  double resident_bytes = 0;
};

ProcessStat ReadProcessStat() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::vector<std::string> all = {"", ""};
  for (std::string field; fields >> field;) all.push_back(field);
  ProcessStat stat;
  if (all.size() < 24) return stat;
  const auto number = [&all](size_t field) { return std::strtod(all[field - 1].c_str(), nullptr); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  stat.cpu_s = (number(14) + number(15)) / ticks;
  stat.started_s = number(22) / ticks;
  stat.resident_bytes = number(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
  return stat;
}

// When the machine started, in Unix seconds.
double ReadBootTime() {
  std::ifstream file("/proc/stat");
  for (std::string name; file >> name;) {
    double value = 0;
    if (name == "btime" && file >> value) return value;
    std::string rest;
    std::getline(file, rest);
  }
  return 0;
}

double CountOpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return 0;
  // One of them is the directory.
  return static_cast<double>(std::distance(begin(files), end(files)) - 1);
}

}  // namespace

std::vector<Family> ProcessMetrics(const std::vector<std::string>& roles) {
  Family role = metrics::Gauges("quotaplane_role", "1 for each role that the process has.");
  for (const std::string& name : roles) role.samples.push_back({1, {{"role", name}}});
  Family suppressed = metrics::Counters("quotaplane_log_lines_suppressed_total",
                                        "Lines that were not logged, since many alike were.");
  for (const LogLevel level : {LogLevel::kWarning, LogLevel::kError}) {
    suppressed.samples.push_back({static_cast<double>(SuppressedLogLines(level)),
                                  {{"level", std::string(LogLevelName(level))}}});
  }
  const ProcessStat stat = ReadProcessStat();
  return {std::move(role),
          std::move(suppressed),
          metrics::Counter("process_cpu_seconds_total", "Processor time.", stat.cpu_s),
          metrics::Gauge("process_resident_memory_bytes", "Memory.", stat.resident_bytes),
          metrics::Gauge("process_open_fds", "Open files and sockets.", CountOpenFiles()),
          metrics::Gauge("process_start_time_seconds", "When the process began.",
                         ReadBootTime() + stat.started_s)};
}

std::vector<Family> RedisMetrics(const NamedClients& clients, int partitions) {
  Family available = metrics::Gauges("quotaplane_redis_available",
                                     "1 while calls are sent; 0 while they fail at once.");
  Family pending =
      metrics::Gauges("quotaplane_redis_pending_calls", "Calls that wait for their replies.");
  Family calls = metrics::Counters("quotaplane_redis_calls_total", "Commands and scripts.");
  Family errors = metrics::Counters("quotaplane_redis_errors_total",
                                    "Of these, those without a reply, or with an error.");
  Family rejected =
      metrics::Counters("quotaplane_redis_rejected_total", "Calls refused since too many waited.");
  Family reconnects =
      metrics::Counters("quotaplane_redis_reconnects_total", "Connections made again.");
  Family redirects = metrics::Counters("quotaplane_redis_redirects_total",
                                       "Replies of a Cluster that said to ask elsewhere.");
  Family durations = metrics::Histograms("quotaplane_redis_call_duration_seconds",
                                         "From a call to its reply or its error.");
  for (const auto& [name, client] : clients) {
    const redis::Client::Stats stats = client->stats();
    const metrics::Labels labels = {{"client", name}};
    const auto add = [&labels](Family* family, int64_t value) {
      family->samples.push_back({static_cast<double>(value), labels});
    };
    add(&available, EveryPartitionAvailable(*client, partitions) ? 1 : 0);
    add(&pending, stats.pending);
    add(&calls, stats.calls);
    add(&errors, stats.errors);
    add(&rejected, stats.rejected_full);
    add(&reconnects, stats.reconnects);
    add(&redirects, stats.redirects);
    durations.samples.push_back(metrics::LatencySample(stats.latency, labels));
  }
  return {std::move(available), std::move(pending),    std::move(calls),     std::move(errors),
          std::move(rejected),  std::move(reconnects), std::move(redirects), std::move(durations)};
}

SnapshotMetrics::SnapshotMetrics(const SnapshotHolder* snapshots)
    : snapshots_(snapshots), since_(absl::Now()), changes_(snapshots->changes()) {}

std::vector<Family> SnapshotMetrics::Collect(absl::Time now) {
  const int64_t changes = snapshots_->changes();
  if (changes != changes_) since_ = now;
  changes_ = changes;
  const std::shared_ptr<const Snapshot> snapshot = snapshots_->Get();
  Family versions = metrics::Gauges("quotaplane_policy_version", "Version of an org's own policy.");
  for (const std::string& org : snapshot->policies->OrgsWithOwn()) {
    if (versions.samples.size() >= kMostOrgs) break;
    versions.samples.push_back(
        {static_cast<double>(snapshot->policies->For(org).version), {{"org", org}}});
  }
  Family prices = metrics::Gauges("quotaplane_price_book_info", "1 for the price book in force.");
  prices.samples.push_back({1, {{"version", snapshot->prices->version()}}});
  return {metrics::Counter("quotaplane_snapshot_changes_total",
                           "How often policies or prices in force were exchanged.",
                           static_cast<double>(changes)),
          metrics::Gauge("quotaplane_snapshot_age_seconds",
                         "Since that was last so, or since the start.",
                         std::max(0.0, absl::ToDoubleSeconds(now - since_))),
          std::move(versions), std::move(prices)};
}

}  // namespace quotaplane
