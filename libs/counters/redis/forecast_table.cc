#include "libs/counters/redis/forecast_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <future>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/await.h"
#include "libs/base/status_macros.h"
#include "libs/counters/redis/layout.h"

namespace quotaplane {
namespace {

constexpr char kVersion = '1';
constexpr size_t kPaceBytes = 1 + sizeof(int64_t) + sizeof(Pace::week);
// Fields of one HSET: some 30 KB, a tenth of a millisecond of Redis.
constexpr size_t kBatch = 200;

std::string TableOf(int partition) { return absl::StrCat("{p", partition, "}f"); }
std::string FreshOf(int partition) { return absl::StrCat(TableOf(partition), "/new"); }

std::vector<std::optional<Pace>> PacesOf(const redis::Reply& reply, size_t count) {
  std::vector<std::optional<Pace>> paces(count);
  for (size_t i = 0; i < std::min(count, reply.elements.size()); ++i) {
    const redis::Reply& one = reply.elements[i];
    if (one.type == redis::Reply::Type::kString) paces[i] = DecodePace(one.text);
  }
  return paces;
}

// Calls that are under way together.
class Calls {
 public:
  Calls(redis::Client* client, SteadyTime deadline) : client_(client), deadline_(deadline) {}

  void Add(const std::vector<std::string_view>& args) {
    auto promise = std::make_unique<std::promise<absl::Status>>();
    answers_.push_back(promise->get_future());
    client_->Call(args[1], args, deadline_,
                  [promise = std::move(promise)](absl::StatusOr<redis::Reply> reply) {
                    promise->set_value(reply.status());
                  });
  }
  // Waits for all; the first error.
  absl::Status Finish() {
    absl::Status first;
    for (std::future<absl::Status>& answer : answers_) first.Update(answer.get());
    answers_.clear();
    return first;
  }

 private:
  redis::Client* const client_;
  const SteadyTime deadline_;
  std::vector<std::future<absl::Status>> answers_;
};

}  // namespace

std::string EncodePace(const Pace& pace) {
  std::string bytes(kPaceBytes, kVersion);
  std::memcpy(bytes.data() + 1, &pace.from_us, sizeof(pace.from_us));
  std::memcpy(bytes.data() + 1 + sizeof(pace.from_us), pace.week.data(), sizeof(pace.week));
  return bytes;
}

std::optional<Pace> DecodePace(std::string_view bytes) {
  if (bytes.size() != kPaceBytes || bytes[0] != kVersion) return std::nullopt;
  Pace pace;
  std::memcpy(&pace.from_us, bytes.data() + 1, sizeof(pace.from_us));
  std::memcpy(pace.week.data(), bytes.data() + 1 + sizeof(pace.from_us), sizeof(pace.week));
  const bool usable = std::all_of(pace.week.begin(), pace.week.end(),
                                  [](float use) { return std::isfinite(use) && use >= 0; });
  // Times of which sums with any window do not overflow: up to the year 9999.
  constexpr int64_t kLatestUs = int64_t{253'402'300'800} * 1'000'000;
  if (!usable || pace.from_us < 0 || pace.from_us > kLatestUs) return std::nullopt;
  return pace;
}

void RedisForecastTable::Read(std::string_view org, const std::vector<Digest>& counters,
                              SteadyTime deadline,
                              StoreCallback<std::vector<std::optional<Pace>>> done) const {
  const std::string key = TableOf(PartitionOf(org, partitions_));
  std::vector<std::string_view> args = {"HMGET", key};
  for (const Digest& counter : counters) args.push_back(counter.view());
  client_->Call(key, args, deadline,
                [count = counters.size(),
                 done = std::move(done)](absl::StatusOr<redis::Reply> reply) mutable {
                  if (!reply.ok()) return done(reply.status());
                  done(PacesOf(*reply, count));
                });
}

absl::Status RedisForecastTable::Replace(const std::vector<Entry>& entries, const Kept& kept,
                                         SteadyTime deadline) {
  std::vector<std::optional<int64_t>> keep(partitions_);
  for (const std::string& org : kept.orgs) {
    keep[PartitionOf(org, partitions_)] = kept.measured_since_us;
  }
  std::vector<std::vector<const Entry*>> by_partition(partitions_);
  for (const Entry& entry : entries) {
    by_partition[PartitionOf(entry.org, partitions_)].push_back(&entry);
  }
  absl::Status first;
  for (int i = 0; i < partitions_; ++i) {
    first.Update(ReplacePartition(i, by_partition[i], keep[i], deadline));
  }
  return first;
}

absl::Status RedisForecastTable::ReplacePartition(int partition,
                                                  const std::vector<const Entry*>& entries,
                                                  std::optional<int64_t> keep_since_us,
                                                  SteadyTime deadline) {
  const std::string key = TableOf(partition);
  const std::string fresh = FreshOf(partition);
  Calls calls(client_, deadline);
  if (entries.empty() && !keep_since_us.has_value()) {
    calls.Add({"DEL", key});
    return calls.Finish();
  }
  calls.Add({"DEL", fresh});
  QP_RETURN_IF_ERROR(calls.Finish());
  for (size_t from = 0; from < entries.size(); from += kBatch) {
    const size_t to = std::min(entries.size(), from + kBatch);
    std::vector<std::string> paces;
    for (size_t i = from; i < to; ++i) paces.push_back(EncodePace(entries[i]->pace));
    std::vector<std::string_view> args = {"HSET", fresh};
    for (size_t i = from; i < to; ++i) {
      args.push_back(entries[i]->counter.view());
      args.push_back(paces[i - from]);
    }
    calls.Add(args);
    // One batch at a time: others' commands go in between.
    QP_RETURN_IF_ERROR(calls.Finish());
  }
  if (keep_since_us.has_value()) {
    QP_ASSIGN_OR_RETURN(const int64_t kept, Keep(partition, entries, *keep_since_us, deadline));
    if (entries.empty() && kept == 0) {
      calls.Add({"DEL", key});
      return calls.Finish();
    }
  }
  const std::string lasts = absl::StrCat(absl::ToInt64Milliseconds(lasts_));
  calls.Add({"PEXPIRE", fresh, lasts});
  QP_RETURN_IF_ERROR(calls.Finish());
  calls.Add({"RENAME", fresh, key});
  return calls.Finish();
}

absl::StatusOr<int64_t> RedisForecastTable::Keep(int partition,
                                                 const std::vector<const Entry*>& entries,
                                                 int64_t since_us, SteadyTime deadline) {
  const std::string key = TableOf(partition);
  const std::string fresh = FreshOf(partition);
  absl::flat_hash_set<Digest> written;
  for (const Entry* entry : entries) written.insert(entry->counter);
  const std::string count = absl::StrCat(kBatch);
  std::string cursor = "0";
  int64_t kept = 0;
  do {
    QP_ASSIGN_OR_RETURN(
        const redis::Reply page, Await<redis::Reply>([&](redis::Callback done) {
          client_->Call(key, {"HSCAN", key, cursor, "COUNT", count}, deadline, std::move(done));
        }));
    if (page.elements.size() != 2) return absl::DataLossError("an answer to HSCAN is none");
    cursor = page.elements[0].text;
    const std::vector<redis::Reply>& fields = page.elements[1].elements;
    std::vector<std::string_view> args = {"HSET", fresh};
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
      Digest counter;
      if (fields[i].text.size() != counter.bytes.size()) continue;
      std::copy(fields[i].text.begin(), fields[i].text.end(), counter.bytes.begin());
      const std::optional<Pace> pace = DecodePace(fields[i + 1].text);
      if (!pace.has_value() || pace->from_us < since_us || written.contains(counter)) continue;
      args.push_back(fields[i].text);
      args.push_back(fields[i + 1].text);
      ++kept;
    }
    if (args.size() == 2) continue;
    Calls calls(client_, deadline);
    calls.Add(args);
    QP_RETURN_IF_ERROR(calls.Finish());
  } while (cursor != "0");
  return kept;
}

}  // namespace quotaplane
