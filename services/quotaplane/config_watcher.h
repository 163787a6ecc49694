// Hot reload: looks once a second whether the policy or the price file has changed, and swaps in
// what it says, whole. A bad file keeps what is in force and says so, loudly, once for each version
// of it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/base/mutex.h"

namespace quotaplane {

class ConfigWatcher {
 public:
  struct File {
    std::string path;
    // Reads the file and puts it in force, or says why not. Called on the watcher's thread.
    std::function<absl::Status()> reload;
  };

  // The files' present state counts as loaded. Starts one thread (none without files).
  explicit ConfigWatcher(std::vector<File> files, absl::Duration interval = absl::Seconds(1));
  ~ConfigWatcher();

  // Of the files whose present version could not be put in force: path and error. Thread-safe.
  std::map<std::string, std::string> failures() const;

 private:
  // Changes with the file's content, as far as its metadata tells; empty if there is no such file.
  static std::string VersionOf(const std::string& path);
  void Run();

  std::vector<File> files_;
  mutable Mutex mutex_;
  std::map<std::string, std::string> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> versions_;
  const absl::Duration interval_;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace quotaplane
