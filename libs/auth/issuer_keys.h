// An issuer's keys, kept fresh by a thread of their own. Thread-safe.
//
// - From a file they are read again when it has changed, within a second; from a URL every five
//   minutes.
// - A token with a key that is not there asks for them at once: issuers use a new key as soon as
//   they have published it. So that tokens made up by nobody do not become requests to the issuer,
//   that happens every ten seconds at most.
// - While they cannot be had, or are no key set, the last ones stay.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "libs/auth/key_set.h"
#include "libs/base/mutex.h"

namespace quotaplane {

struct IssuerKeysOptions {
  absl::Duration file_interval = absl::Seconds(1);
  absl::Duration url_interval = absl::Minutes(5);
  absl::Duration asked_interval = absl::Seconds(10);  // also after a failure
  absl::Duration timeout = absl::Seconds(5);
};

class IssuerKeys {
 public:
  // As ReadKeys has them. Starts to read at once.
  explicit IssuerKeys(std::string keys, std::string ca_file = "", IssuerKeysOptions options = {});
  ~IssuerKeys();

  // Null: they have not been read yet.
  std::shared_ptr<const KeySet> Get() const;
  // Waits until they have been tried once, for `timeout` at most.
  void WaitForFirst(absl::Duration timeout) const;

  enum class Missing { kAsked, kUnknown };
  // A token names the key `kid`, which Get() does not have. kAsked: they are read again because of
  // it; look again in a moment. kUnknown: they have been read since, and it is not there; or it was
  // there, and its issuer has taken it out.
  Missing Ask(const std::string& kid);

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  // One reading. Gives when the next is due if nobody asks.
  Clock::time_point Read();
  std::string VersionOfFile() const;

  void PutInForce(std::shared_ptr<const KeySet> set);

  const std::string keys_;
  const std::string ca_file_;
  const IssuerKeysOptions options_;
  const bool is_url_;
  std::atomic<bool> stop_ = false;
  mutable Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::shared_ptr<const KeySet> set_ ABSL_GUARDED_BY(mutex_);
  int64_t tried_ ABSL_GUARDED_BY(mutex_) = 0;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
  Clock::time_point may_ask_at_ ABSL_GUARDED_BY(mutex_);
  Clock::time_point read_at_ ABSL_GUARDED_BY(mutex_);  // when the last good reading began
  // Keys that tokens named and that were not there, since when they are asked for.
  std::map<std::string, Clock::time_point> asked_for_ ABSL_GUARDED_BY(mutex_);
  // Keys that were there and are not any more.
  std::set<std::string> retired_ ABSL_GUARDED_BY(mutex_);
  // The reading thread's alone.
  std::string text_;     // of set_
  std::string version_;  // of the file
  bool failed_ = false;
  std::thread thread_;  // last
};

}  // namespace quotaplane
