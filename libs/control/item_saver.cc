#include "libs/control/item_saver.h"

#include <utility>

#include "libs/log/log.h"

namespace quotaplane {

ItemSaver::ItemSaver(std::unique_ptr<SavedItems> saved)
    : saved_(std::move(saved)), thread_([this] { Run(); }) {}

ItemSaver::~ItemSaver() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ItemSaver::Save(ItemBatch batch) {
  {
    MutexLock lock(mutex_);
    if (batch.whole) {
      waiting_.clear();
      waiting_whole_ = whole_comes_ = true;
    } else if (failed_ && !whole_comes_) {
      return;
    }
    waiting_at_ = std::move(batch.at);
    for (ControlItem& item : batch.items) {
      std::string name = item.name;
      waiting_[std::move(name)] = std::move(item);
    }
    waits_ = true;
  }
  changed_.notify_all();
}

bool ItemSaver::wants_whole() const {
  MutexLock lock(mutex_);
  return failed_ && !whole_comes_;
}

std::string ItemSaver::error() const {
  MutexLock lock(mutex_);
  return error_;
}

ItemBatch ItemSaver::TakeWaiting() {
  ItemBatch batch{std::exchange(waiting_whole_, false), waiting_at_, {}};
  batch.items.reserve(waiting_.size());
  for (auto& [name, item] : waiting_) batch.items.push_back(std::move(item));
  waiting_.clear();
  waits_ = false;
  return batch;
}

void ItemSaver::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_ || waits_; });
    if (!waits_) return;
    const ItemBatch batch = TakeWaiting();
    lock.unlock();
    const absl::Status saved = saved_->Save(batch);
    lock.lock();
    // Once per trouble, not per attempt.
    if (!saved.ok() && !failed_) {
      LogError("the control state is not saved on disk: {}", saved.ToString());
    }
    if (saved.ok() && failed_) LogInfo("the control state is saved on disk again");
    failed_ = !saved.ok();
    error_ = std::string(saved.message());
    if (batch.whole || failed_) whole_comes_ = waiting_whole_;
  }
}

}  // namespace quotaplane
