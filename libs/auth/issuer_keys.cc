#include "libs/auth/issuer_keys.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/auth/auth_config.h"
#include "libs/auth/read_keys.h"
#include "libs/log/log.h"

namespace quotaplane {
namespace {

// Key ids remembered as asked for, and as retired.
constexpr size_t kMaxRemembered = 100;

std::chrono::nanoseconds Nanos(absl::Duration duration) {
  return absl::ToChronoNanoseconds(duration);
}

}  // namespace

IssuerKeys::IssuerKeys(std::string keys, std::string ca_file, IssuerKeysOptions options)
    : keys_(std::move(keys)),
      ca_file_(std::move(ca_file)),
      options_(options),
      is_url_(IsKeysUrl(keys_)),
      thread_([this] { Run(); }) {}

IssuerKeys::~IssuerKeys() {
  {
    const MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::shared_ptr<const KeySet> IssuerKeys::Get() const {
  const MutexLock lock(mutex_);
  return set_;
}

void IssuerKeys::WaitForFirst(absl::Duration timeout) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  const auto deadline = Clock::now() + Nanos(timeout);
  const MutexLock lock(mutex_);
  while (tried_ == 0) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return;
  }
}

IssuerKeys::Missing IssuerKeys::Ask(const std::string& kid) {
  const Clock::time_point now = Clock::now();
  const MutexLock lock(mutex_);
  const auto found = asked_for_.find(kid);
  const bool looked = found != asked_for_.end() && read_at_ > found->second;
  // Known to be unknown, and lately so: nothing to do.
  if (looked && now < read_at_ + Nanos(options_.asked_interval)) return Missing::kUnknown;
  if (looked || found == asked_for_.end()) {
    if (asked_for_.size() >= kMaxRemembered) asked_for_.clear();
    asked_for_[kid] = now;
  }
  asked_ = true;
  changed_.notify_all();
  return looked || retired_.contains(kid) ? Missing::kUnknown : Missing::kAsked;
}

void IssuerKeys::PutInForce(std::shared_ptr<const KeySet> set) {
  const MutexLock lock(mutex_);
  if (set_ != nullptr) {
    for (std::string& id : set_->ids()) {
      if (retired_.size() >= kMaxRemembered) retired_.clear();
      retired_.insert(std::move(id));
    }
  }
  for (const std::string& id : set->ids()) retired_.erase(id);
  set_ = std::move(set);
}

void IssuerKeys::Run() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  while (!stop_) {
    const Clock::time_point next = Read();
    const MutexLock lock(mutex_);
    ++tried_;
    changed_.notify_all();
    while (!stop_) {
      const Clock::time_point due = asked_ ? std::min(next, may_ask_at_) : next;
      if (Clock::now() >= due) break;
      changed_.wait_until(mutex_, due);
    }
    if (asked_) {
      asked_ = false;
      may_ask_at_ = Clock::now() + Nanos(options_.asked_interval);
      version_.clear();
    }
  }
}

IssuerKeys::Clock::time_point IssuerKeys::Read() {
  const Clock::time_point began = Clock::now();
  const Clock::time_point next =
      began + Nanos(is_url_ ? options_.url_interval : options_.file_interval);
  if (!is_url_) {
    std::string version = VersionOfFile();
    if (!version.empty() && version == version_) return next;
    version_ = std::move(version);
  }
  absl::StatusOr<std::string> text = ReadKeys(keys_, ca_file_, options_.timeout, &stop_);
  absl::Status status = text.status();
  if (text.ok() && *text != text_) {
    absl::StatusOr<std::shared_ptr<const KeySet>> set = KeySet::Parse(*text);
    status = set.status();
    if (set.ok()) {
      LogInfo("keys of tokens read from {}", keys_);
      text_ = *std::move(text);
      PutInForce(*std::move(set));
    }
  }
  if (status.ok()) {
    failed_ = false;
    const MutexLock lock(mutex_);
    read_at_ = began;
    return next;
  }
  if (!stop_ && !std::exchange(failed_, true)) {
    LogError("keys of tokens NOT read, the last ones stay: {}", std::string(status.message()));
  }
  return began + Nanos(std::min(options_.asked_interval,
                                is_url_ ? options_.url_interval : options_.file_interval));
}

std::string IssuerKeys::VersionOfFile() const {
  struct stat info;
  if (stat(keys_.c_str(), &info) != 0) return "";
  return absl::StrCat(info.st_dev, ":", info.st_ino, ":", info.st_size, ":", info.st_mtim.tv_sec,
                      ".", info.st_mtim.tv_nsec);
}

}  // namespace quotaplane
