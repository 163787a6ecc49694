#include "libs/control/publisher.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {

namespace {

// The first of `waiting`. Only the last of what there is says how far the board is: an item that
// has changed twice is there once, with its last number, so that what came before it is no whole
// change.
ItemBoard::Put NextPut(const BoardHead& head, bool ended, std::deque<ControlItem>* waiting) {
  size_t count = 0;
  size_t bytes = 0;
  while (count < waiting->size() && count < kMaxPutItems) {
    bytes += (*waiting)[count].body.size();
    if (count > 0 && bytes > kMaxPutBytes) break;
    ++count;
  }
  ItemBoard::Put put;
  put.from = put.to = head.published;
  if (ended && count > 0 && count == waiting->size()) {
    put.to = std::max(put.from, waiting->back().number);
  }
  const auto end = waiting->begin() + static_cast<std::ptrdiff_t>(count);
  std::move(waiting->begin(), end, std::back_inserter(put.items));
  waiting->erase(waiting->begin(), end);
  return put;
}

}  // namespace

Publisher::Publisher(const ItemSource* source, ItemBoard* board, PublisherOptions options)
    : source_(source), board_(board), options_(options), thread_([this] { Run(); }) {}

Publisher::~Publisher() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Publisher::Wake() {
  {
    MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

PublisherStatus Publisher::status() const {
  MutexLock lock(mutex_);
  return status_;
}

absl::Time Publisher::Deadline() const { return absl::Now() + options_.timeout; }

void Publisher::Told(int64_t last, int64_t published) {
  MutexLock lock(mutex_);
  status_.last = last;
  status_.published = published;
}

void Publisher::Run() {
  absl::Duration retry = options_.first_retry;
  bool away = false;
  for (;;) {
    const absl::Status done = Round();
    // Once per outage, not per attempt.
    if (!done.ok() && !away) LogError("changes wait to be published: {}", done.ToString());
    if (done.ok() && away) LogInfo("changes are published again");
    away = !done.ok();
    const absl::Duration pause = away ? retry : options_.interval;
    retry = away ? std::min(2 * retry, options_.longest_retry) : options_.first_retry;

    std::unique_lock lock(mutex_);
    ++status_.rounds;
    status_.away = away;
    status_.error = std::string(done.message());
    if (away) ++status_.failures;
    // Somebody who has something to publish cannot make the board come back.
    changed_.wait_for(lock, absl::ToChronoNanoseconds(pause),
                      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_ || (woken_ && !away); });
    woken_ = false;
    if (stop_) return;
  }
}

absl::Status Publisher::Round() {
  // In this order: what the board has, the database had before.
  QP_ASSIGN_OR_RETURN(BoardHead head, board_->Head(Deadline()));
  QP_ASSIGN_OR_RETURN(const int64_t last, source_->LastNumber());
  Told(last, head.published);
  if (head.epoch.empty() && last == 0) return absl::OkStatus();
  if (head.epoch.empty() || head.published > last) {
    if (!head.epoch.empty()) {
      LogWarning("the database went back from change {} to {}: the board is filled anew",
                 head.published, last);
    }
    QP_RETURN_IF_ERROR(board_->Begin(head.epoch, Deadline()).status());
    QP_ASSIGN_OR_RETURN(head, board_->Head(Deadline()));
  }
  if (head.complete && head.published == last) return absl::OkStatus();
  const absl::Status published = Publish(&head);
  // Another publisher, or a board that went back: the next round has the present head.
  if (absl::IsAborted(published)) Wake();
  return absl::IsAborted(published) ? absl::OkStatus() : published;
}

absl::Status Publisher::Publish(BoardHead* head) {
  // Until there is nothing more: an item that changes meanwhile gets a number behind all others,
  // and is met there, so that in the end nothing is missing.
  ItemCursor cursor{head->published + 1, ""};
  std::deque<ControlItem> waiting;
  bool ended = false;
  // What the part before left.
  std::optional<uint64_t> after_part;
  while (!ended || !waiting.empty() || !head->complete) {
    while (!ended && waiting.size() <= kMaxPutItems) {
      QP_ASSIGN_OR_RETURN(std::vector<ControlItem> page, source_->Read(cursor));
      ended = page.empty();
      if (!ended) cursor = {page.back().number, page.back().name};
      std::move(page.begin(), page.end(), std::back_inserter(waiting));
    }
    ItemBoard::Put put = NextPut(*head, ended, &waiting);
    put.if_sum = after_part;
    put.complete = !head->complete && ended && waiting.empty();
    if (put.complete) put.if_sum = head->sum;
    const bool part = !put.items.empty() && put.to < put.items.back().number;
    QP_ASSIGN_OR_RETURN(*head, board_->Add(head->epoch, put, Deadline()));
    after_part = part ? std::optional(head->sum) : std::nullopt;
    Told(cursor.name.empty() ? head->published : cursor.number, head->published);
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
