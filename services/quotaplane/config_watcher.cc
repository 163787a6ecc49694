#include "services/quotaplane/config_watcher.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/log/log.h"

namespace quotaplane {

ConfigWatcher::ConfigWatcher(std::vector<File> files, absl::Duration interval)
    : files_(std::move(files)), interval_(interval) {
  for (const File& file : files_) versions_.push_back(VersionOf(file.path));
  if (!files_.empty()) thread_ = std::thread([this] { Run(); });
}

ConfigWatcher::~ConfigWatcher() {
  stop_.Notify();
  if (thread_.joinable()) thread_.join();
}

std::string ConfigWatcher::VersionOf(const std::string& path) {
  // Follows links: Kubernetes swaps a ConfigMap by moving one.
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "";
  return absl::StrCat(info.st_dev, ":", info.st_ino, ":", info.st_size, ":", info.st_mtim.tv_sec,
                      ".", info.st_mtim.tv_nsec);
}

std::map<std::string, std::string> ConfigWatcher::failures() const {
  MutexLock lock(mutex_);
  return failures_;
}

void ConfigWatcher::Run() {
  while (!stop_.WaitForNotificationWithTimeout(interval_)) {
    for (size_t i = 0; i < files_.size(); ++i) {
      std::string version = VersionOf(files_[i].path);
      if (version == versions_[i]) continue;
      versions_[i] = std::move(version);
      const absl::Status status = files_[i].reload();
      {
        MutexLock lock(mutex_);
        failures_.erase(files_[i].path);
        if (!status.ok()) failures_.emplace(files_[i].path, status.message());
      }
      if (status.ok()) {
        LogInfo("{} reloaded", files_[i].path);
      } else {
        LogError("{} NOT reloaded; what was in force stays in force:\n{}", files_[i].path,
                 std::string(status.message()));
      }
    }
  }
}

}  // namespace quotaplane
