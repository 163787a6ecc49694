#include "libs/ledger/ledger_worker.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/log/log.h"
#include "libs/sql/schema_differs.h"

namespace quotaplane {
namespace {

// Whether the same write may succeed later. Anything else is a fault of what is written. Tables
// that are not those that this version knows are none: a newer one writes it.
bool MayPass(const absl::Status& status) {
  return sql::SchemaDiffers(status) || absl::IsUnavailable(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status) ||
         absl::IsAborted(status) || absl::IsFailedPrecondition(status) ||
         absl::IsDataLoss(status) || absl::IsInternal(status);
}

// Rows that it becomes. Without usage a charge is an entry all the same.
int64_t RowsOf(const SettledCharge& charge) {
  return std::max<int64_t>(1, static_cast<int64_t>(charge.charge.lines.size()));
}
int64_t RowsOf(const RefusalBatch& batch) { return static_cast<int64_t>(batch.lines.size()); }

// Behind the last of the items from `begin` whose rows are `most` together; always behind one.
template <typename Item>
size_t EndOfPortion(std::span<const Item> items, size_t begin, int64_t most) {
  int64_t rows = 0;
  size_t end = begin;
  while (end < items.size()) {
    rows += RowsOf(items[end]);
    if (rows > most && end > begin) break;
    ++end;
  }
  return end;
}

}  // namespace

LedgerWorker::LedgerWorker(Outbox* outbox, LedgerWriter* writer, const ChargeCodec* codec,
                           LedgerWorkerOptions options)
    : outbox_(outbox),
      writer_(writer),
      codec_(codec),
      options_(std::move(options)),
      thread_([this] { Run(); }) {}

LedgerWorker::~LedgerWorker() {
  stop_.Notify();
  thread_.join();
}

LedgerWorker::Stats LedgerWorker::stats() const {
  return {charges_, entries_, refusals_, duplicates_, quarantined_, failures_, away_};
}

void LedgerWorker::Run() {
  absl::Duration retry = options_.first_retry;
  bool failing = false;
  while (!stop_.HasBeenNotified()) {
    cannot_write_ = false;
    const absl::StatusOr<bool> more = Round();
    away_ = cannot_write_;
    if (more.ok()) {
      if (failing) LogInfo("the ledger takes charges again");
      failing = false;
      retry = options_.first_retry;
      if (!*more) stop_.WaitForNotificationWithTimeout(options_.pause);
      continue;
    }
    ++failures_;
    // Once per outage, not per attempt.
    if (!failing) LogError("charges wait in the outbox: {}", more.status().ToString());
    failing = true;
    outbox_->Reopen();
    stop_.WaitForNotificationWithTimeout(retry);
    retry = std::min(2 * retry, options_.longest_retry);
  }
}

absl::StatusOr<bool> LedgerWorker::Round() {
  QP_ASSIGN_OR_RETURN(Outbox::Batch batch, outbox_->Read(options_.batch));
  QP_RETURN_IF_ERROR(WriteAll(std::move(batch.messages)));
  return batch.more;
}

absl::Status LedgerWorker::WriteAll(std::vector<Outbox::Message> messages) {
  Portion<SettledCharge> charges;
  Portion<RefusalBatch> refusals;
  int64_t refused = 0;  // rows of `refusals`
  for (Outbox::Message& message : messages) {
    if (message.gone) {
      QP_RETURN_IF_ERROR(outbox_->Acknowledge({&message, 1}));
      continue;
    }
    absl::StatusOr<ChargeRecord> record = codec_->Decode(message.record);
    if (!record.ok()) {
      absl::StatusOr<RefusalBatch> batch = codec_->DecodeRefusals(message.record);
      if (batch.ok()) {
        refused += RowsOf(*batch);
        refusals.Add(*std::move(batch), std::move(message));
        // A message has up to a hundred times as many rows as a charge: not all of a round's
        // batches are decoded at once.
        if (refused >= options_.entries_at_once) {
          QP_RETURN_IF_ERROR(WriteInPortions<RefusalBatch>(refusals.items, refusals.messages));
          refusals = {};
          refused = 0;
        }
      } else {
        QP_RETURN_IF_ERROR(PutAside(message, record.status().message()));
      }
    } else if (!message.settlement.has_value()) {
      QP_RETURN_IF_ERROR(PutAside(message, "its outcome cannot be read"));
    } else {
      const Settlement settlement = *message.settlement;
      charges.Add({*std::move(record), settlement}, std::move(message));
    }
  }
  QP_RETURN_IF_ERROR(WriteInPortions<SettledCharge>(charges.items, charges.messages));
  return WriteInPortions<RefusalBatch>(refusals.items, refusals.messages);
}

template <typename Item>
absl::Status LedgerWorker::WriteInPortions(std::span<const Item> items,
                                           std::span<const Outbox::Message> messages) {
  for (size_t begin = 0; begin < items.size();) {
    const size_t end = EndOfPortion(items, begin, options_.entries_at_once);
    QP_RETURN_IF_ERROR(
        WriteTogether(items.subspan(begin, end - begin), messages.subspan(begin, end - begin)));
    begin = end;
  }
  return absl::OkStatus();
}

template <typename Item>
absl::Status LedgerWorker::WriteTogether(std::span<const Item> items,
                                         std::span<const Outbox::Message> messages) {
  const int64_t began_us = options_.now_us();
  const absl::StatusOr<WriteResult> result = writer_->Write(items, began_us);
  if (result.ok()) {
    Count(*result);
    Tell(items, began_us);
    return outbox_->Acknowledge(messages);
  }
  if (MayPass(result.status())) {
    cannot_write_ = true;
    return result.status();
  }
  // One of them will never be written: which?
  for (size_t i = 0; i < items.size(); ++i) {
    const int64_t alone_us = options_.now_us();
    const absl::StatusOr<WriteResult> alone = writer_->Write(items.subspan(i, 1), alone_us);
    if (alone.ok()) {
      Count(*alone);
      Tell(items.subspan(i, 1), alone_us);
      QP_RETURN_IF_ERROR(outbox_->Acknowledge(messages.subspan(i, 1)));
    } else if (MayPass(alone.status())) {
      cannot_write_ = true;
      return alone.status();
    } else {
      QP_RETURN_IF_ERROR(PutAside(messages[i], alone.status().message()));
    }
  }
  return absl::OkStatus();
}

template <typename Item>
void LedgerWorker::Tell(std::span<const Item> items, int64_t began_us) const {
  if constexpr (std::is_same_v<Item, SettledCharge>) {
    if (options_.on_written) options_.on_written(items, began_us);
  }
}

absl::Status LedgerWorker::PutAside(const Outbox::Message& message, absl::string_view why) {
  LogError("message {} of partition {} was put aside: {}", message.id, message.partition,
           std::string(why));
  QP_RETURN_IF_ERROR(outbox_->Quarantine(message, {why.data(), why.size()}));
  ++quarantined_;
  return absl::OkStatus();
}

void LedgerWorker::Count(const WriteResult& result) {
  charges_ += result.charges;
  entries_ += result.entries;
  refusals_ += result.refusals;
  duplicates_ += result.duplicates;
}

}  // namespace quotaplane
