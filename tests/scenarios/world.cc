#include "tests/scenarios/world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/await.h"
#include "libs/base/status_macros.h"
#include "libs/config/price_book_reader.h"
#include "libs/counters/redis/layout.h"
#include "libs/testing/fatal.h"
#include "libs/testing/poll_until.h"

namespace quotaplane::scenarios {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

fixtures::RedisOptions DurableRedis() {
  fixtures::RedisOptions options;
  options.tcp = false;
  options.append_only = true;
  // With `everysec`, Redis answers before it writes where the last fsync is still under way, and
  // KillRedis loses that. With `always`, a slow disk looks like an outage.
  options.config = {"appendfsync no"};
  return options;
}

}  // namespace

World::World()
    : redis_(DurableRedis()),
      snapshots_({std::make_shared<const PolicySet>(*Policy::Build({})), DefaultPriceBook()}),
      store_(redis_.unix_url()) {
  StartServer();
}

World::~World() = default;

void World::StartServer() {
  absl::StatusOr<std::unique_ptr<Spool>> spool = Spool::Open(disk_.File("spool"));
  if (!spool.ok()) fixtures::Fatal(spool.status().ToString());
  spool_ = *std::move(spool);
  charge_spool_ = std::make_unique<DiskChargeSpool>(spool_.get());
  admission_ =
      std::make_unique<Admission>(&store_.store(), &snapshots_, charge_spool_.get(), &codec_);
}

void World::RestartServer() {
  admission_.reset();
  charge_spool_.reset();
  spool_.reset();
  StartServer();
}

void World::SetNow(int64_t now_us) {
  now_us_ = now_us;
  store_.SetNow(now_us);
}

absl::StatusOr<ReserveAnswer> World::Reserve(const ReserveArgs& args) {
  return Await<ReserveAnswer>(
      [&](Done<ReserveAnswer> done) { admission_->Reserve(args, Soon(), std::move(done)); });
}

absl::StatusOr<ReserveAnswer> World::Check(const ReserveArgs& args) {
  return Await<ReserveAnswer>(
      [&](Done<ReserveAnswer> done) { admission_->Check(args, Soon(), std::move(done)); });
}

absl::StatusOr<ExtendAnswer> World::Extend(const ExtendArgs& args) {
  return Await<ExtendAnswer>(
      [&](Done<ExtendAnswer> done) { admission_->Extend(args, Soon(), std::move(done)); });
}

absl::StatusOr<CommitAnswer> World::Commit(const CommitArgs& args) {
  return Await<CommitAnswer>(
      [&](Done<CommitAnswer> done) { admission_->Commit(args, Soon(), now_us_, std::move(done)); });
}

absl::StatusOr<ReleaseAnswer> World::Release(const ReservationKey& key) {
  return Await<ReleaseAnswer>(
      [&](Done<ReleaseAnswer> done) { admission_->Release(key, Soon(), std::move(done)); });
}

absl::StatusOr<std::vector<LimitUsage>> World::GetUsage(const Subject& subject) {
  return Await<std::vector<LimitUsage>>([&](Done<std::vector<LimitUsage>> done) {
    admission_->GetUsage(subject, Soon(), std::move(done));
  });
}

absl::StatusOr<int64_t> World::Sweep() {
  int64_t ended = 0;
  for (int partition = 0; partition < store_.store().partitions(); ++partition) {
    QP_ASSIGN_OR_RETURN(const int here, store_.Sweep(partition));
    ended += here;
  }
  return ended;
}

absl::StatusOr<std::vector<ChargeRecord>> World::Ledger(const std::string& org) {
  KeyList keys(PartitionOf(org, store_.store().partitions()));
  keys.Add('o');
  const std::string_view key = keys.views().front();
  QP_ASSIGN_OR_RETURN(
      const redis::Reply outbox,
      redis::CallAndWait(store_.client(), key, {"XRANGE", key, "-", "+"}, kPatience));
  std::vector<ChargeRecord> records;
  for (const redis::Reply& entry : outbox.elements) {
    // [id, [r, record, s, outcome]]
    if (entry.elements.size() != 2 || entry.elements[1].elements.size() != 4) {
      return absl::DataLossError("an outbox entry of another shape");
    }
    QP_ASSIGN_OR_RETURN(ChargeRecord record, codec_.Decode(entry.elements[1].elements[1].text));
    if (record.subject.org == org) records.push_back(std::move(record));
  }
  return records;
}

absl::StatusOr<int64_t> World::CountersWithHolds() {
  QP_ASSIGN_OR_RETURN(const redis::Reply keys,
                      redis::CallAndWait(store_.client(), "", {"KEYS", "{p*}c*"}, kPatience));
  int64_t count = 0;
  for (const redis::Reply& key : keys.elements) {
    QP_ASSIGN_OR_RETURN(
        const redis::Reply header,
        redis::CallAndWait(store_.client(), key.text, {"GET", key.text}, kPatience));
    if (header.text.size() != kHeaderBytes) return absl::DataLossError("a counter's header");
    if (DoubleAt(header.text, 0) != 0) ++count;
  }
  return count;
}

void World::KillRedis() {
  redis_.Kill();
  // What follows meets a client that knows.
  if (!fixtures::PollUntil(kPatience, [&] { return !store_.client().Available(""); })) {
    fixtures::Fatal("the client does not notice that Redis is gone");
  }
}

void World::StartRedis() {
  redis_.Start();
  if (const absl::Status ready = store_.client().WaitReady(kPatience); !ready.ok()) {
    fixtures::Fatal(ready.ToString());
  }
}

absl::StatusOr<int64_t> World::DrainSpool() {
  const int64_t before = spool_->stats().acknowledged;
  SpoolDrain drain(spool_.get(), admission_.get());
  if (!fixtures::PollUntil(kPatience, [&] { return SpoolWaiting() == 0; })) {
    return absl::DeadlineExceededError(
        absl::StrCat(SpoolWaiting(), " records are left in the spool"));
  }
  return spool_->stats().acknowledged - before;
}

}  // namespace quotaplane::scenarios
