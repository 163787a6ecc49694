// Shows that work goes on: on a terminal one line that rewrites itself, elsewhere a line every few
// seconds. On stderr, so that stdout stays what the program was asked for.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace quotaplane::terminal {

class Progress {
 public:
  // Calls `line` from a thread of its own until destroyed; it must be safe to call from there.
  explicit Progress(std::function<std::string()> line);
  // Stops, and clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void Run();

  const std::function<std::string()> line_;
  const bool tty_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace quotaplane::terminal
