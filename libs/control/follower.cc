#include "libs/control/follower.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// Each name once, with its last body; ordered by number.
std::vector<ControlItem> Ordered(std::vector<ControlItem> items) {
  std::sort(items.begin(), items.end(), [](const ControlItem& a, const ControlItem& b) {
    return std::tie(a.name, b.number) < std::tie(b.name, a.number);
  });
  items.erase(
      std::unique(items.begin(), items.end(),
                  [](const ControlItem& a, const ControlItem& b) { return a.name == b.name; }),
      items.end());
  std::sort(items.begin(), items.end(), [](const ControlItem& a, const ControlItem& b) {
    return std::tie(a.number, a.name) < std::tie(b.number, b.name);
  });
  return items;
}

uint64_t SumOf(const std::vector<ControlItem>& items) {
  uint64_t sum = 0;
  for (const ControlItem& item : items) sum += ItemCheck(item.name, item.number);
  return sum % kItemSumModulus;
}

// Of no change a part alone: a large one is put in several steps, of which the last says that the
// board has it.
bool AreWhole(const std::vector<ControlItem>& items, const BoardHead& head) {
  return std::all_of(items.begin(), items.end(),
                     [&](const ControlItem& item) { return item.number <= head.published; });
}

// Of a question after a few numbers: who stops waits for it.
constexpr absl::Duration kLookTimeout = absl::Seconds(1);

// A board that changes all the time is read whole at another time.
constexpr int kWholeReads = 10;

}  // namespace

Follower::Follower(ItemBoard* board, const std::string& saved_dir, ItemSink* sink,
                   FollowerOptions options)
    : board_(board),
      sink_(sink),
      options_(std::move(options)),
      reread_pause_(options_.first_reread) {
  if (!saved_dir.empty()) LoadSaved(saved_dir);
  thread_ = std::thread([this] { Run(); });
}

Follower::~Follower() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Follower::WaitForBoard(absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                           [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return contact_; });
}

FollowerStatus Follower::status() const {
  const std::string save_error = saver_ == nullptr ? "" : saver_->error();
  MutexLock lock(mutex_);
  FollowerStatus status = status_;
  if (!save_error.empty()) status.save_error = save_error;
  return status;
}

absl::Time Follower::Deadline() const { return absl::Now() + options_.timeout; }

void Follower::LoadSaved(const std::string& saved_dir) {
  SavedItems::Found found;
  auto saved = SavedItems::Open(saved_dir, &found, *options_.disk);
  if (!saved.ok()) {
    LogError("the control state is not saved on disk: {}", saved.status().ToString());
    MutexLock lock(mutex_);
    status_.save_error = std::string(saved.status().message());
    return;
  }
  saver_ = std::make_unique<ItemSaver>(*std::move(saved));
  if (!found.damage.empty()) LogError("saved control state: {}", found.damage);
  if (found.state.at.epoch.empty()) return;
  const absl::Duration age = absl::Microseconds(options_.now_us() - found.state.at.contact_us);
  LogInfo("control state from disk: change {}, {} items, {} old", found.state.at.number,
          found.state.items.size(), absl::FormatDuration(absl::Trunc(age, absl::Seconds(1))));
  at_ = found.state.at;
  saved_contact_us_ = at_.contact_us;
  Apply(found.state.items);
  MutexLock lock(mutex_);
  status_.at = at_;
  status_.items = static_cast<int64_t>(numbers_.size());
  status_.from_disk = true;
}

void Follower::Run() {
  for (;;) {
    Round();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(options_.poll),
                      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_; });
    if (stop_) return;
  }
}

void Follower::Round() {
  absl::StatusOr<Look> look = Follow();
  // The board became another while it was read.
  if (absl::IsAborted(look.status())) look = Look::kWaiting;
  if (look.ok() && *look != Look::kWaiting) {
    const int64_t since_us = at_.contact_us - saved_contact_us_;
    if (since_us >= absl::ToInt64Microseconds(options_.save_contact_every)) Save(false, {});
  }
  bool was_away = false;
  {
    MutexLock lock(mutex_);
    was_away = status_.away;
    ++status_.looks;
    status_.away = !look.ok();
    status_.error = look.ok() ? "" : std::string(look.status().message());
    status_.at = at_;
    status_.items = static_cast<int64_t>(numbers_.size());
    if (look.ok() && *look != Look::kWaiting) {
      contact_ = true;
      status_.from_disk = false;
    }
  }
  changed_.notify_all();
  // Once per outage, not per attempt.
  if (!look.ok() && !was_away) {
    LogError("control state stays at change {}: {}", at_.number, look.status().ToString());
  }
  if (look.ok() && was_away) LogInfo("control state is followed again");
  if (look.ok()) Report(*look == Look::kNew);
}

absl::StatusOr<Follower::Look> Follower::Follow() {
  QP_ASSIGN_OR_RETURN(BoardHead head,
                      board_->Head(absl::Now() + std::min(options_.timeout, kLookTimeout)));
  // A board that nobody has begun has nothing, which is news to nobody who has nothing.
  if (head.epoch.empty()) {
    if (!at_.epoch.empty()) return Look::kWaiting;
    at_.contact_us = options_.now_us();
    return Look::kCurrent;
  }
  if (!head.complete) return Look::kWaiting;
  if (head.epoch != at_.epoch) return ReadAll(head);
  Look look = Look::kCurrent;
  if (head.last > at_.position) {
    QP_ASSIGN_OR_RETURN(look, ReadNew(&head));
    if (look == Look::kWaiting) return look;
  }
  const bool lacks_on_disk = saver_ != nullptr && saver_->wants_whole();
  if (Agree(head)) {
    reread_pause_ = options_.first_reread;
    if (!lacks_on_disk) next_reread_ = absl::InfinitePast();
  } else if (at_.position <= head.last || look == Look::kCurrent) {
    // The board went back, or did and came forth again. Not all the time: what is missing may have
    // to wait for a publisher.
    if (absl::Now() < next_reread_) return Look::kWaiting;
    next_reread_ = absl::Now() + reread_pause_;
    reread_pause_ = std::min(2 * reread_pause_, options_.longest_reread);
    return ReadAll(head);
  }
  if (lacks_on_disk && absl::Now() >= next_reread_) {
    next_reread_ = absl::Now() + options_.save_contact_every;
    return ReadAll(head);
  }
  return look;
}

bool Follower::Agree(const BoardHead& head) {
  if (at_.position != head.last || sum_ != head.sum) return false;
  at_.number = std::max(at_.number, head.published);
  at_.contact_us = options_.now_us();
  return true;
}

absl::StatusOr<Follower::Look> Follower::ReadNew(BoardHead* head) {
  if (unapplied_.epoch != head->epoch || unapplied_.position > head->last) {
    unapplied_ = {head->epoch, at_.position, {}};
  }
  for (int i = 0; i < kWholeReads && head->epoch == unapplied_.epoch; ++i) {
    QP_ASSIGN_OR_RETURN(std::vector<ControlItem> read, ReadAfter(*head, &unapplied_.position));
    std::move(read.begin(), read.end(), std::back_inserter(unapplied_.items));
    // As it is now: the end of a change may have been put while its beginning was read.
    QP_ASSIGN_OR_RETURN(*head, board_->Head(Deadline()));
    if (head->last == unapplied_.position) break;
  }
  if (head->epoch != unapplied_.epoch || head->last != unapplied_.position ||
      !AreWhole(unapplied_.items, *head)) {
    return Look::kWaiting;
  }
  Unapplied whole = std::exchange(unapplied_, {});
  std::vector<ControlItem> items = Newer(Ordered(std::move(whole.items)));
  Apply(items);
  at_.position = whole.position;
  Agree(*head);
  Save(false, std::move(items));
  return Look::kNew;
}

absl::StatusOr<Follower::Look> Follower::ReadAll(BoardHead head) {
  unapplied_ = {};
  QP_ASSIGN_OR_RETURN(std::vector<ControlItem> items, ReadWhole(&head));
  if (!AreWhole(items, head)) return Look::kWaiting;
  const bool same_epoch = head.epoch == at_.epoch;
  // Whatever is newer here than on a board that went back is on disk already, or will be there when
  // it comes again.
  bool whole = !same_epoch;
  if (same_epoch) {
    std::vector<ControlItem> newer = Newer(items);
    Apply(newer);
    whole = saver_ != nullptr && saver_->wants_whole() && sum_ == head.sum;
    if (!whole) items = std::move(newer);
  } else {
    TakeOver(items);
    at_ = {head.epoch, 0, 0, 0};
  }
  at_.position = head.last;
  const bool agreed = Agree(head);
  Save(whole, std::move(items));
  MutexLock lock(mutex_);
  ++status_.rereads;
  return agreed ? Look::kNew : Look::kWaiting;
}

void Follower::TakeOver(const std::vector<ControlItem>& items) {
  absl::flat_hash_set<std::string> there;
  for (const ControlItem& item : items) there.insert(item.name);
  std::vector<ControlItem> all = items;
  for (const auto& [name, number] : numbers_) {
    if (!there.contains(name)) all.push_back({name, number, ""});
  }
  if (!all.empty()) sink_->Apply(Ordered(std::move(all)));
  numbers_.clear();
  sum_ = 0;
  for (const ControlItem& item : items) Remember(item);
}

absl::StatusOr<std::vector<ControlItem>> Follower::ReadAfter(const BoardHead& head,
                                                             int64_t* position) {
  std::vector<ControlItem> items;
  while (*position < head.last) {
    QP_ASSIGN_OR_RETURN(BoardPage page, board_->Read(head.epoch, *position, Deadline()));
    if (page.position == *position) break;
    *position = page.position;
    std::move(page.items.begin(), page.items.end(), std::back_inserter(items));
  }
  return items;
}

absl::StatusOr<std::vector<ControlItem>> Follower::ReadWhole(BoardHead* head) {
  int64_t position = 0;
  std::vector<ControlItem> all;
  bool doubted = false;
  for (int i = 0; i < kWholeReads; ++i) {
    // What moves while it is read gets a position behind the one it had, and is met there.
    QP_ASSIGN_OR_RETURN(std::vector<ControlItem> items, ReadAfter(*head, &position));
    std::move(items.begin(), items.end(), std::back_inserter(all));
    all = Ordered(std::move(all));
    const BoardHead before = std::exchange(*head, BoardHead());
    QP_ASSIGN_OR_RETURN(*head, board_->Head(Deadline()));
    if (head->epoch != before.epoch || head->last < before.last) break;
    if (head->last == position && SumOf(all) == head->sum) return all;
    if (position >= before.last && head->last > position) continue;
    // All was read, and it is not what the head says.
    if (doubted) {
      LogError("the board of control items is damaged: it has to be filled anew");
      QP_RETURN_IF_ERROR(board_->Begin(before.epoch, Deadline()).status());
      break;
    }
    doubted = true;
    position = 0;
    all.clear();
  }
  return absl::AbortedError("the board changed while it was read");
}

std::vector<ControlItem> Follower::Newer(std::vector<ControlItem> items) const {
  std::vector<ControlItem> newer;
  for (ControlItem& item : items) {
    const auto present = numbers_.find(item.name);
    if (present == numbers_.end() || present->second < item.number) {
      newer.push_back(std::move(item));
    }
  }
  return newer;
}

void Follower::Apply(const std::vector<ControlItem>& items) {
  if (items.empty()) return;
  sink_->Apply(items);
  for (const ControlItem& item : items) Remember(item);
}

void Follower::Remember(const ControlItem& item) {
  int64_t& number = numbers_[item.name];
  if (number != 0) sum_ += kItemSumModulus - ItemCheck(item.name, number);
  number = item.number;
  sum_ = (sum_ + ItemCheck(item.name, number)) % kItemSumModulus;
}

void Follower::Save(bool whole, std::vector<ControlItem> items) {
  if (saver_ == nullptr || at_.epoch.empty()) return;
  saver_->Save({whole, at_, std::move(items)});
  saved_contact_us_ = at_.contact_us;
}

void Follower::Report(bool moved) {
  if (!moved && absl::Now() < next_report_) return;
  const ItemSink::Counts counts = sink_->counts();
  const ReplicaReport report{options_.replica,
                             at_.epoch,
                             at_.position,
                             at_.number,
                             0,
                             counts.keys,
                             counts.orgs,
                             counts.rejected,
                             options_.conditions ? options_.conditions() : ""};
  // One that is lost is followed by the next.
  if (board_->Report(report, Deadline()).ok()) next_report_ = absl::Now() + options_.report_every;
}

}  // namespace quotaplane
