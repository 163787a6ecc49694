#include "libs/control/publisher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace quotaplane {

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
    if (!done.ok() && !away) spdlog::error("changes wait to be published: {}", done.ToString());
    if (done.ok() && away) spdlog::info("changes are published again");
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
      spdlog::warn("the database went back from change {} to {}: the board is filled anew",
                   head.published, last);
    }
    QP_RETURN_IF_ERROR(board_->Begin(head.epoch, Deadline()).status());
    QP_ASSIGN_OR_RETURN(head, board_->Head(Deadline()));
  }
  if (head.complete && head.published == last) return absl::OkStatus();
  const absl::Status published = Publish(head.epoch, head.published);
  // Another publisher, or a board that went back: the next round has the present head.
  if (absl::IsAborted(published)) Wake();
  return absl::IsAborted(published) ? absl::OkStatus() : published;
}

absl::Status Publisher::Publish(const std::string& epoch, int64_t published) {
  // Until there is nothing more: an item that changes meanwhile gets a number behind all others,
  // and is met there, so that in the end nothing is missing.
  ItemCursor cursor{published + 1, ""};
  for (;;) {
    QP_ASSIGN_OR_RETURN(std::vector<ControlItem> page, source_->Read(cursor));
    if (page.empty()) break;
    cursor = {page.back().number, page.back().name};
    QP_RETURN_IF_ERROR(PutPage(epoch, std::move(page), &published));
  }
  ItemBoard::Put end{published, std::max(published, cursor.number), true, {}};
  if (cursor.name.empty()) end.to = published;
  QP_RETURN_IF_ERROR(board_->Add(epoch, end, Deadline()));
  Told(end.to, end.to);
  return absl::OkStatus();
}

absl::Status Publisher::PutPage(const std::string& epoch, std::vector<ControlItem> page,
                                int64_t* published) {
  for (size_t at = 0; at < page.size();) {
    ItemBoard::Put put;
    put.from = *published;
    size_t bytes = 0;
    while (at < page.size() && put.items.size() < kMaxPutItems &&
           (put.items.empty() || bytes + page[at].body.size() <= kMaxPutBytes)) {
      bytes += page[at].body.size();
      put.items.push_back(std::move(page[at++]));
    }
    // Of the last number there may be more to come.
    put.to = std::max(put.from, put.items.back().number - 1);
    QP_RETURN_IF_ERROR(board_->Add(epoch, put, Deadline()));
    *published = put.to;
  }
  return absl::OkStatus();
}

}  // namespace quotaplane
