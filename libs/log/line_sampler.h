// Which of many lines alike are written. Of one place in the source the first kMostLines of any
// kSampleWindow are; of those that are left out the last one is kept, and their number.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/log/log_level.h"

namespace quotaplane {

inline constexpr int64_t kMostLines = 10;
inline constexpr int64_t kSampleWindowUs = 10'000'000;

// Not thread-safe. As large as the source has places.
class LineSampler {
 public:
  struct LeftOut {
    std::string_view file;
    int line = 0;
    LogLevel level = LogLevel::kError;
    int64_t lines = 0;
    std::string last;  // the message of the last of them
  };

  // Whether to write this line. `file` must live as long as the sampler.
  bool Admit(LogLevel level, std::string_view file, int line, std::string_view message,
             int64_t now_us);
  // Of the windows that are over by now; each once, in the order of the source.
  std::vector<LeftOut> TakeEnded(int64_t now_us);
  // Of all windows; each begins anew.
  std::vector<LeftOut> TakeAll();

 private:
  struct Window {
    int64_t began_us = 0;
    int64_t lines = 0;
    LeftOut left_out;
  };

  std::map<std::pair<std::string_view, int>, Window> windows_;
};

}  // namespace quotaplane
