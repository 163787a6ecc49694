#include "libs/ledger/refusal_sender.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {

RefusalSender::RefusalSender(RefusalCounts* counts, RefusalOutbox* outbox, const ChargeCodec* codec,
                             RefusalSenderOptions options)
    : counts_(counts),
      outbox_(outbox),
      codec_(codec),
      options_(std::move(options)),
      thread_([this] { Run(); }) {}

RefusalSender::~RefusalSender() {
  stop_.Notify();
  thread_.join();
}

void RefusalSender::Run() {
  while (!stop_.WaitForNotificationWithTimeout(options_.interval)) Flush();
  Flush();
}

void RefusalSender::Flush() {
  absl::Status sent = SendWaiting();
  if (sent.ok()) {
    TakeCounts();
    sent = SendWaiting();
  }
  // Once per outage, not per attempt.
  if (!sent.ok() && !away_) {
    LogError("counts of refusals wait for the outbox: {}", sent.ToString());
  }
  if (sent.ok() && away_) LogInfo("the outbox takes counts of refusals again");
  away_ = !sent.ok();
  if (away_) ++failures_;
}

absl::Status RefusalSender::SendWaiting() {
  while (!waiting_.empty()) {
    QP_RETURN_IF_ERROR(outbox_->Append(waiting_.front().org, waiting_.front().record));
    refusals_ += waiting_.front().refusals;
    waiting_.pop_front();
  }
  return absl::OkStatus();
}

void RefusalSender::TakeCounts() {
  RefusalCounts::Taken taken = counts_->Take();
  if (taken.lost > 0) {
    lost_ += taken.lost;
    LogError("{} refusals are in no report: too many orgs and minutes to count", taken.lost);
  }
  for (size_t at = 0; at < taken.lines.size();) {
    RefusalBatch batch;
    batch.id = absl::StrCat(options_.instance, "/", next_number_++);
    batch.org = taken.lines[at].subject.org;
    Message message{batch.org, "", 0};
    while (at < taken.lines.size() && taken.lines[at].subject.org == batch.org &&
           batch.lines.size() < options_.most_lines) {
      message.refusals += taken.lines[at].count;
      batch.lines.push_back(std::move(taken.lines[at++]));
    }
    message.record = codec_->EncodeRefusals(batch);
    waiting_.push_back(std::move(message));
  }
}

}  // namespace quotaplane
