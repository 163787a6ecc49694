#include "libs/backtest/window_start.h"

#include <algorithm>

namespace quotaplane {

int64_t WindowStartUs(const WindowSpec& window, int64_t now_us, int64_t lifetime_us) {
  switch (window.kind) {
    case WindowKind::kLifetime:
      break;
    case WindowKind::kCalendar:
      return PeriodAt(window, now_us).start_us;
    case WindowKind::kSliding:
      return std::max<int64_t>(0, SlotAt(window, now_us) - kSlots) * SlotWidthUs(window);
  }
  return lifetime_us;
}

}  // namespace quotaplane
