#include "libs/log/line_sampler.h"

namespace quotaplane {
namespace {

// Also where the clock was set back.
bool IsOver(int64_t began_us, int64_t now_us) {
  return now_us < began_us || now_us - began_us >= kSampleWindowUs;
}

}  // namespace

bool LineSampler::Admit(LogLevel level, std::string_view file, int line, std::string_view message,
                        int64_t now_us) {
  Window& window = windows_[{file, line}];
  // What was left out is still to be told: the next window begins when it was.
  const bool told = window.left_out.lines == 0;
  if (window.lines == 0 || (told && IsOver(window.began_us, now_us))) window = {now_us, 0, {}};
  ++window.lines;
  if (window.lines <= kMostLines) return true;
  window.left_out = {file, line, level, window.left_out.lines + 1, std::string(message)};
  return false;
}

std::vector<LineSampler::LeftOut> LineSampler::TakeEnded(int64_t now_us) {
  std::vector<LeftOut> ended;
  for (auto window = windows_.begin(); window != windows_.end();) {
    if (!IsOver(window->second.began_us, now_us)) {
      ++window;
      continue;
    }
    if (window->second.left_out.lines > 0) ended.push_back(std::move(window->second.left_out));
    window = windows_.erase(window);
  }
  return ended;
}

std::vector<LineSampler::LeftOut> LineSampler::TakeAll() {
  std::vector<LeftOut> all;
  for (auto& [place, window] : windows_) {
    if (window.left_out.lines > 0) all.push_back(std::move(window.left_out));
  }
  windows_.clear();
  return all;
}

}  // namespace quotaplane
