// Where a file goes.
#pragma once

#include <cstdio>
#include <string>

#include "absl/status/status.h"

namespace quotaplane::quotactl {

// stdout (the empty path), or a file that has its name only once it is whole. UNAVAILABLE where it
// cannot be written.
class Target {
 public:
  explicit Target(const std::string& path);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  absl::Status Check() const { return file_ == nullptr ? Failed() : absl::OkStatus(); }
  absl::Status Write(const std::string& data);
  absl::Status Finish();

 private:
  absl::Status Failed() const;

  const std::string path_, part_;
  FILE* file_;
};

}  // namespace quotaplane::quotactl
