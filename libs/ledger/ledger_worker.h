// Moves settled charges, and batches of refusals, from the outbox into the ledger: read, write,
// acknowledge.
//
// Whatever is killed in between, each charge is in the ledger once: it is acknowledged only when it
// is durable there, and the ledger leaves out what it has. While the ledger's database is away, the
// charges stay in the outbox. A charge that can never be written is put aside, alone, and holds
// nobody up.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/admission/admission.h"
#include "libs/ledger/ledger_writer.h"
#include "libs/ledger/outbox.h"

namespace quotaplane {

struct LedgerWorkerOptions {
  // Messages of a round, about: they are in memory together. The more, the fewer times the sums of
  // the same people are touched.
  int batch = 8'000;
  // Entries of a transaction, or lines of refusals, about: a round is several where its charges
  // have many lines. At most sql::kMaxBatchRows.
  int64_t entries_at_once = 20'000;
  // Between rounds, but where there may be more at once. A transaction costs as much as some tens
  // of charges: a worker that wrote each as it comes would, from a few hundred a second on, take
  // the processor that those who bring them need, and then never find the outbox empty.
  absl::Duration pause = absl::Milliseconds(200);
  // Between attempts while the outbox or the ledger is away: doubled each time, up to the second.
  absl::Duration first_retry = absl::Milliseconds(100);
  absl::Duration longest_retry = absl::Seconds(5);
  std::function<int64_t()> now_us;  // the local clock
  // Told of charges that a transaction has written, and when that began; on the worker's thread,
  // quick. May be null.
  std::function<void(std::span<const SettledCharge>, int64_t began_us)> on_written = nullptr;
};

class LedgerWorker {
 public:
  struct Stats {
    int64_t charges = 0;      // written
    int64_t entries = 0;      // written
    int64_t refusals = 0;     // batches of them, written
    int64_t duplicates = 0;   // came again, and were left out
    int64_t quarantined = 0;  // put aside
    int64_t failures = 0;     // rounds that the outbox or the ledger's database broke off
    bool away = false;        // the last round was one of these, for the database's sake
  };

  // Starts one thread. All must outlive it.
  LedgerWorker(Outbox* outbox, LedgerWriter* writer, const ChargeCodec* codec,
               LedgerWorkerOptions options);
  // Stops after the round under way, or at once while something is away.
  ~LedgerWorker();

  // Thread-safe.
  Stats stats() const;

 private:
  void Run();
  // One round; whether there may be more at once.
  absl::StatusOr<bool> Round();
  absl::Status WriteAll(std::vector<Outbox::Message> messages);
  // Things of one kind, each with the message that it came in.
  template <typename Item>
  struct Portion {
    std::vector<Item> items;
    std::vector<Outbox::Message> messages;

    void Add(Item item, Outbox::Message message) {
      items.push_back(std::move(item));
      messages.push_back(std::move(message));
    }
  };
  // `messages` are those that `items` came in. As many transactions as the bound of one asks for.
  template <typename Item>
  absl::Status WriteInPortions(std::span<const Item> items,
                               std::span<const Outbox::Message> messages);
  // All in one transaction, or, where one of them cannot be written, each in its own.
  template <typename Item>
  absl::Status WriteTogether(std::span<const Item> items,
                             std::span<const Outbox::Message> messages);
  template <typename Item>
  void Tell(std::span<const Item> items, int64_t began_us) const;
  absl::Status PutAside(const Outbox::Message& message, absl::string_view why);
  void Count(const WriteResult& result);

  Outbox* const outbox_;
  LedgerWriter* const writer_;
  const ChargeCodec* const codec_;
  const LedgerWorkerOptions options_;
  std::atomic<int64_t> charges_ = 0, entries_ = 0, refusals_ = 0, duplicates_ = 0, quarantined_ = 0,
                       failures_ = 0;
  std::atomic<bool> away_ = false;
  bool cannot_write_ = false;  // in this round; the worker's thread alone
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
